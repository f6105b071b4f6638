"""Inputs, images or vectors: where they come from, and how they reach the model in batches."""

from latentclust.data.augment import Augmentation
from latentclust.data.batches import Batch, SeededPermutation, TensorBatches, as_floats
from latentclust.data.datamodule import DataModule
from latentclust.data.datasets import (
    ArrayDataModule,
    DigitsDataModule,
    FashionMNISTDataModule,
    FilesDataModule,
    MNISTDataModule,
    build_datamodule,
)
from latentclust.data.files import load_files
from latentclust.data.sources import load_digits, load_fashion_mnist, load_mnist
from latentclust.data.splits import InputSpec, Source, Split

__all__ = [
    "ArrayDataModule",
    "Augmentation",
    "Batch",
    "DataModule",
    "DigitsDataModule",
    "FashionMNISTDataModule",
    "FilesDataModule",
    "InputSpec",
    "MNISTDataModule",
    "SeededPermutation",
    "Source",
    "Split",
    "TensorBatches",
    "as_floats",
    "build_datamodule",
    "load_digits",
    "load_fashion_mnist",
    "load_files",
    "load_mnist",
]
