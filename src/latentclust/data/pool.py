"""The inputs of a run: loaded and preprocessed once, and kept on the device or in their file."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Self

import torch

from latentclust.data.augment import Augmentation
from latentclust.data.description import Description
from latentclust.data.mapped import InputRows, MappedInputs, parts
from latentclust.data.preprocess import Preprocess, in_parts, suitable_steps
from latentclust.data.splits import InputSpec, Source, Split, apportion, require_limit, uniform_subset
from latentclust.data.transforms import SAMPLE
from latentclust.errors import LatentclustError

POOLS = ("all", "train")
AS_THEY_ARE = Augmentation()


class InputPool(ABC):
    """A pool of inputs to cluster; see :class:`~latentclust.data.DataModule`, which makes batches of it."""

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
        preprocess: Sequence[str] | None = None,
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
        self.preprocess = preprocess
        # What a run has chosen, where nothing was given.
        self.chosen_augmentation: Augmentation | None = None
        self.chosen_preprocess: Sequence[str] | None = None
        self._loaded_for: tuple[str, ...] | None = None
        self.notes: tuple[str, ...] = ()
        self.files: Path | None = None  # where ids begin that are names of files
        self.raw_pool: InputRows | None = None
        self._description: Description | None = None
        self.test_slice: slice | None = None
        self._pool: Split | None = None
        self._held_out: Split | None = None

    @abstractmethod
    def load(self) -> Source:
        """Fetch the inputs if need be, and read them."""

    def prepare_data(self) -> None:
        """Fetch and load the inputs in the first process of a machine; the others then find them fetched."""
        self.setup()

    def setup(self, stage: str | None = None) -> None:
        """Load the inputs, choose the pool and preprocess it, once; later calls do nothing.

        Raises
        ------
        LatentclustError
            If the inputs cannot be loaded, or ``limit`` or ``preprocess`` does not fit them.
        """
        if self._pool is not None:
            return
        source = self.look(self._limited(self.load()))
        train, test = source.train, source.test
        if self.pool_kind == "all" and test is not None:
            pool, self.test_slice = train + test, slice(len(train), len(train) + len(test))
        else:
            pool, self._held_out = train, test
        self._take(pool, source)

    def augment_as(self, augmentation: Augmentation) -> None:
        """Take a run's augmentation in place of an earlier run's; one that was given to the module stays."""
        if self.augmentation == AS_THEY_ARE or self.augmentation is self.chosen_augmentation:
            self.augmentation = self.chosen_augmentation = augmentation

    def is_loaded_with(self, steps: Sequence[str] | None) -> bool:
        """Whether the inputs are loaded, and preprocessed as `setup_with` would do it."""
        if self._description is None:
            return False
        loaded = tuple(str(step) for step in self._description.preprocess.steps)
        return self._wanted(steps) in (self._loaded_for, loaded)

    def setup_with(self, steps: Sequence[str] | None) -> None:
        """Do what `setup` does with a run's steps, anew if an earlier run had others; the module's own stay.

        Raises
        ------
        LatentclustError
            As `setup`.
        """
        if not self.is_loaded_with(steps):
            self._forget()
            self.chosen_preprocess = steps
            self.setup()

    def _wanted(self, steps: Sequence[str] | None) -> tuple[str, ...] | None:
        """Return the module's own steps, or else a run's; None for those that suit the inputs."""
        wanted = steps if self.preprocess is None else self.preprocess
        return None if wanted is None else tuple(wanted)

    def _forget(self) -> None:
        """Become as before `setup`."""
        self._pool = self._held_out = self._description = self.raw_pool = self.test_slice = None
        self.notes = ()
        self.__dict__.pop("fingerprint", None)

    def _take(self, pool: Split, source: Source) -> None:
        """Fit the preprocessing to the pool and apply it to everything."""
        steps, reason = suitable_steps(pool.inputs)
        wanted = self._wanted(self.chosen_preprocess)
        if wanted is not None:
            steps, reason = list(wanted), ""
        preprocess, self._loaded_for = Preprocess.fit(steps, pool.inputs), wanted
        spec = InputSpec.of(pool.inputs)
        self._description = Description(
            spec, preprocess, source.feature_names, source.class_names, dict(source.reading)
        )
        self.notes = source.notes
        if spec.kind == "vector":
            self.raw_pool = pool.inputs
            if reason:
                self.notes += (f"preprocess={'+'.join(steps)}: {reason}",)
            if len(pool) > SAMPLE and any(step.name == "pca" for step in preprocess.steps):
                self.notes += (f"the principal components are those of {SAMPLE:,} of the vectors",)
        self._pool = replace(pool, inputs=in_parts(preprocess, pool.inputs))
        if self._held_out is not None:
            self._held_out = replace(self._held_out, inputs=in_parts(preprocess, self._held_out.inputs))

    def look(self, source: Source) -> Source:
        """Turn the inputs into others, once ``limit`` is applied; by default they stay what they are."""
        return source

    def _limited(self, source: Source) -> Source:
        train, test, limit = source.train, source.test, self.limit
        if limit is None or source.limited:
            return source
        n_train, n_test = len(train), 0 if test is None else len(test)
        require_limit(limit, n_train + n_test if self.pool_kind == "all" else n_train)
        if self.pool_kind == "all":
            n_train, n_test = apportion([n_train, n_test], limit)
        else:
            n_train, n_test = limit, round(n_test * limit / n_train)
        some = uniform_subset(test, n_test) if test and n_test else None
        return replace(source, train=uniform_subset(train, n_train), test=some)

    @property
    def is_loaded(self) -> bool:
        """Whether `setup` has loaded the inputs."""
        return self._pool is not None

    @property
    def pool(self) -> Split:
        """The inputs to cluster as the network takes them, N in number; known after `setup`."""
        if self._pool is None:
            raise RuntimeError("the inputs are not loaded yet: call setup() first")
        return self._pool

    @property
    def streams(self) -> bool:
        """Whether the pool stays in its file and is read in parts."""
        return isinstance(self.pool.inputs, MappedInputs)

    @property
    def description(self) -> Description:
        """What a model must know of the raw inputs; known after `setup`."""
        if self._description is None:
            raise RuntimeError("the inputs are not loaded yet: call setup() first")
        return self._description

    @property
    def class_names(self) -> tuple[str, ...]:
        """What label 0, 1, ... stands for; empty if there are no labels, or before `setup`."""
        return () if self._description is None else self._description.class_names

    @property
    def passes(self) -> int:
        """How often a training epoch goes over the pool; known after `setup`."""
        return max(1, -(-(self.min_images_per_epoch or 1) // len(self.pool)))

    @property
    def test(self) -> Split | None:
        """The test inputs: a view of the end of the pool if they belong to it; None if there are none."""
        return self._held_out if self.test_slice is None else self.pool[self.test_slice]

    @property
    def held_out(self) -> Split | None:
        """The test inputs that do not belong to the pool; None if there are none."""
        return self._held_out

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of what the network takes, ``(C, H, W)`` or ``(P,)``."""
        return tuple(self.pool.inputs.shape[1:])

    @property
    def kind(self) -> str:
        """What the inputs are, ``image`` or ``vector``."""
        return self.description.spec.kind

    @property
    def n_classes(self) -> int | None:
        """Number of classes; None for unlabeled inputs."""
        return len(self.class_names) or None

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256, in hex, of the pool's inputs as the network takes them, and their shape."""
        inputs = self.pool.inputs
        digest = hashlib.sha256(str(tuple(inputs.shape)).encode())
        for part in parts(inputs):
            digest.update(part.cpu().contiguous().numpy().data)
        return digest.hexdigest()

    def to(self, device: torch.device | str) -> Self:
        """Move the inputs to a device, as they are stored; does nothing if they are there."""
        self._pool = self.pool.to(device)
        if self._held_out is not None:
            self._held_out = self._held_out.to(device)
        return self


def _require(name: str, value: int, least: int) -> None:
    if not isinstance(value, int) or value < least:
        raise LatentclustError(f"{name}={value} is not possible: give a whole number, at least {least}")
