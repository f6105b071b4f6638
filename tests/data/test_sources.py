import hashlib
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn import datasets as sklearn_datasets
from torchvision import datasets as torchvision_datasets

from latentclust.data import load_digits, load_fashion_mnist, load_mnist, sources

RNG = np.random.default_rng(0)
IMAGES = {
    "train": RNG.integers(0, 256, (7, 28, 28), dtype=np.uint8),
    "t10k": np.eye(28, dtype=np.uint8)[None],
}
LABELS = {"train": np.array([3, 1, 4, 1, 5, 9, 2], dtype=np.uint8), "t10k": np.array([6], dtype=np.uint8)}


def idx(array: np.ndarray) -> bytes:
    """Write the IDX format: two zero bytes, type 8 (uint8), number of axes, big-endian sizes, the data."""
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


@pytest.mark.parametrize(
    ("load", "constant", "reference"),
    [
        (load_mnist, "MNIST", torchvision_datasets.MNIST),
        (load_fashion_mnist, "FASHION_MNIST", torchvision_datasets.FashionMNIST),
    ],
)
def test_idx_files_are_fetched_and_read_as_torchvision_reads_them(
    load, constant, reference, tmp_path, monkeypatch
):
    content = {f"{prefix}-images-idx3-ubyte": idx(array) for prefix, array in IMAGES.items()}
    content |= {f"{prefix}-labels-idx1-ubyte": idx(array) for prefix, array in LABELS.items()}

    def fetch(temporary: Path) -> Path:
        for name, data in content.items():
            (temporary / name).write_bytes(data)
        return temporary

    sha256 = {name: hashlib.sha256(data).hexdigest() for name, data in content.items()}
    real = getattr(sources, constant)
    assert real.sha256.keys() == sha256.keys()
    monkeypatch.setattr(sources, constant, replace(real, sha256=sha256, fetchers={"fake": fetch}))

    source = load(tmp_path)
    assert source.train.inputs.shape == (7, 1, 28, 28)
    for split, prefix in ((source.train, "train"), (source.test, "t10k")):
        np.testing.assert_array_equal(split.inputs[:, 0].numpy(), IMAGES[prefix])
        assert split.labels.dtype == torch.int64
        np.testing.assert_array_equal(split.labels.numpy(), LABELS[prefix])
        dataset = reference(tmp_path, train=prefix == "train", download=False)
        assert torch.equal(split.inputs[:, 0], dataset.data)
    assert len(source.class_names) == 10


def test_class_names():
    assert len(torchvision_datasets.FashionMNIST.classes) == 10
    assert load_digits().class_names == tuple("0123456789")


def test_digits_are_those_of_scikit_learn():
    source = load_digits()
    assert source.test is not None
    assert source.test.labels is not None
    assert source.train.labels is not None
    assert (len(source.train), len(source.test)) == (1437, 360)
    assert source.train.inputs.dtype == torch.uint8
    assert source.train.inputs.max() == 255
    both = source.train + source.test
    truth = sklearn_datasets.load_digits()

    def rows(images, labels):
        return sorted(map(tuple, np.column_stack([images.reshape(1797, 64), labels]).tolist()))

    levels = np.round(both.inputs.numpy() / 255 * 16)
    assert rows(levels, both.labels.numpy()) == rows(truth.images, truth.target)
    expected = np.bincount(truth.target) / 5
    assert np.abs(np.bincount(source.test.labels.numpy()) - expected).max() < 1


def test_digits_are_always_split_alike():
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002 - the global state is what must not matter
    first = load_digits()
    np.random.seed(2)  # noqa: NPY002
    assert torch.equal(first.train.inputs, load_digits().train.inputs)


@pytest.mark.parametrize("files", [sources.MNIST, sources.FASHION_MNIST], ids=lambda files: files.name)
def test_pinned_checksums_are_distinct_and_well_formed(files):
    assert len(set(files.sha256.values())) == 4
    assert all(len(bytes.fromhex(digest)) == 32 for digest in files.sha256.values())
    assert files.name in (torchvision_datasets.MNIST.__name__, torchvision_datasets.FashionMNIST.__name__)
