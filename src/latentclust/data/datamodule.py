"""The images as Lightning sees them: loaded once, kept as uint8 on the training device, cut into batches."""

import hashlib
from abc import ABC, abstractmethod
from functools import cached_property
from pathlib import Path
from typing import Self

import torch
from lightning import LightningDataModule

from latentclust.data.augment import Augmentation, augment
from latentclust.data.batches import Batch, TensorBatches, to_unit_interval
from latentclust.data.splits import Source, Split, apportion, uniform_subset
from latentclust.errors import LatentclustError

POOLS = ("all", "train")
AS_THEY_ARE = Augmentation()


class DataModule(LightningDataModule, ABC):
    """A pool of images to cluster; a subclass only says where they come from.

    Labels are here for evaluation alone: no batch has them.

    Parameters
    ----------
    root : str
        The folder where downloaded files are kept.
    pool : {"all", "train"}
        Which images are trained on and clustered. "all" is the training images followed by the test images,
        as the clustering literature has it; "train" holds the test images out.
    batch_size : int
        Images per batch and process, at least 1; the last batch may be smaller, and so may be the only one.
    limit : int or None
        If given, keep only this many images of the pool, and as large a share of the test images: a uniform
        draw that depends neither on labels nor on ``seed``.
    min_images_per_epoch : int or None
        If the pool has fewer images, a training epoch goes over it several times, as often as it takes to see
        so many: settings that count epochs then mean about as many steps for a small pool as for a large one.
    seed : int
        Non-negative; decides the order of the images in every epoch.
    augmentation : Augmentation
        How far the images of a training batch are changed at random.

    Raises
    ------
    LatentclustError
        If a parameter is out of range; those that depend on the data are checked in `setup`.
    """

    def __init__(
        self,
        *,
        root: str = "data",
        pool: str = "all",
        batch_size: int = 256,
        limit: int | None = None,
        min_images_per_epoch: int | None = None,
        seed: int = 0,
        augmentation: Augmentation = AS_THEY_ARE,
    ) -> None:
        super().__init__()
        if pool not in POOLS:
            raise LatentclustError(f"pool={pool} is unknown: choose one of {', '.join(POOLS)}")
        _require("batch_size", batch_size, 1)
        _require("seed", seed, 0)
        if limit is not None:
            _require("limit", limit, 1)
        if min_images_per_epoch is not None:
            _require("min_images_per_epoch", min_images_per_epoch, 1)
        self.root = Path(root)
        self.pool_kind = pool
        self.batch_size = batch_size
        self.limit = limit
        self.min_images_per_epoch = min_images_per_epoch
        self.seed = seed
        self.augmentation = augmentation
        self.class_names: tuple[str, ...] = ()
        self.test_slice: slice | None = None
        self._pool: Split | None = None
        self._held_out: Split | None = None

    @abstractmethod
    def load(self) -> Source:
        """Fetch the images if need be, and read them."""

    def prepare_data(self) -> None:
        """Fetch and load the images in the first process of a machine; the others then find them fetched."""
        self.setup()

    def setup(self, stage: str | None = None) -> None:
        """Load the images and choose the pool, once; later calls do nothing.

        Raises
        ------
        LatentclustError
            If the images cannot be loaded, or ``limit`` does not fit them.
        """
        if self._pool is not None:
            return
        source = self.load()
        train, test = self._limited(source)
        if self.pool_kind == "all" and test is not None:
            pool, self.test_slice = train + test, slice(len(train), len(train) + len(test))
        else:
            pool, self._held_out = train, test
        self._pool, self.class_names = pool, source.class_names

    def _limited(self, source: Source) -> tuple[Split, Split | None]:
        train, test, limit = source.train, source.test, self.limit
        if limit is None:
            return train, test
        n_train, n_test = len(train), 0 if test is None else len(test)
        n_pool = n_train + n_test if self.pool_kind == "all" else n_train
        if limit > n_pool:
            raise LatentclustError(f"limit={limit} is larger than the pool: give at most {n_pool}")
        if self.pool_kind == "all":
            n_train, n_test = apportion([n_train, n_test], limit)
        else:
            n_train, n_test = limit, round(n_test * limit / n_train)
        return uniform_subset(train, n_train), uniform_subset(test, n_test) if test and n_test else None

    @property
    def is_loaded(self) -> bool:
        """Whether `setup` has loaded the images."""
        return self._pool is not None

    @property
    def pool(self) -> Split:
        """The images to cluster, N in number; known after `setup`."""
        if self._pool is None:
            raise RuntimeError("the images are not loaded yet: call setup() first")
        return self._pool

    @property
    def passes(self) -> int:
        """How often a training epoch goes over the pool; known after `setup`."""
        return max(1, -(-(self.min_images_per_epoch or 1) // len(self.pool)))

    @property
    def test(self) -> Split | None:
        """The test images: a view of the end of the pool if they belong to it; None if there are none."""
        return self._held_out if self.test_slice is None else self.pool[self.test_slice]

    @property
    def held_out(self) -> Split | None:
        """The test images that do not belong to the pool; None if there are none."""
        return self._held_out

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Shape of one image, (C, H, W)."""
        channels, height, width = self.pool.inputs.shape[1:]
        return channels, height, width

    @property
    def n_classes(self) -> int | None:
        """Number of classes; None for unlabeled images."""
        return len(self.class_names) or None

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256, in hex, of the pool's images and their shape."""
        images = self.pool.inputs.cpu().contiguous()
        digest = hashlib.sha256(str(tuple(images.shape)).encode())
        digest.update(images.numpy().data)
        return digest.hexdigest()

    def to(self, device: torch.device | str) -> Self:
        """Move the images to a device, still as uint8; does nothing if they are there."""
        self._pool = self.pool.to(device)
        if self._held_out is not None:
            self._held_out = self._held_out.to(device)
        return self

    def train_dataloader(self) -> TensorBatches:
        """Batches of the pool in the seeded order, on the trainer's device if there is a trainer.

        There are enough of them for ``min_images_per_epoch``. To overfit a few batches, they keep one order.
        """
        shuffle = self.trainer is None or not getattr(self.trainer, "overfit_batches", 0)
        return self._follow_trainer()._batches(self.pool, shuffle=shuffle, passes=self.passes)

    def val_dataloader(self) -> TensorBatches | list[TensorBatches]:
        """Batches of the test images that the pool leaves out; no loader where there are none."""
        self._follow_trainer()
        return [] if self._held_out is None else self._batches(self._held_out, shuffle=False)

    def _follow_trainer(self) -> Self:
        # Before anyone takes hold of the images: whoever moved them later would make a second copy.
        return self if self.trainer is None else self.to(self.trainer.strategy.root_device)

    def _batches(self, split: Split, *, shuffle: bool, passes: int = 1) -> TensorBatches:
        rank, world_size = 0, 1
        if self.trainer is not None:
            rank, world_size = self.trainer.global_rank, self.trainer.world_size
        options = {"passes": passes, "seed": self.seed, "rank": rank, "world_size": world_size}
        return TensorBatches(split.inputs, self.batch_size, shuffle=shuffle, **options)

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """Convert a batch's images to floats in [0, 1], on the device; in training they are augmented."""
        x = to_unit_interval(batch.x)
        training = self.trainer is not None and self.trainer.training
        return batch._replace(x=augment(x, self.augmentation) if training else x)


def _require(name: str, value: int, least: int) -> None:
    if not isinstance(value, int) or value < least:
        raise LatentclustError(f"{name}={value} is not possible: give a whole number, at least {least}")
