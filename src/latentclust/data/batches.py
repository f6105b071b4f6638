"""Batches as slices of a permutation: the inputs stay where they are, and no sample is handled by Python."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor


class Batch(NamedTuple):
    """What a training step needs of B images."""

    x: Tensor
    """The images ``(B, C, H, W)``: uint8 as they are stored, floats in [0, 1] when a model gets them."""
    index: Tensor  # type: ignore[assignment]  # it hides the method of tuple, which nobody needs here
    """Which images they are, ``(B,)``, int64: their places in the set that the batches are cut from."""
    target: Tensor | None = None
    """The clusters that they are to have, ``(B, K)`` with rows of sum 1; None where there are none."""
    share: float = 1.0
    """What a mean over these inputs counts, where processes share a batch: the mean of the processes' means,
    each times its share, is that of the whole batch. 0 where the inputs stand in for none."""
    whole: int | None = None
    """Inputs of the whole batch, where processes share it."""

    @property
    def size(self) -> int:
        """Inputs of the whole batch."""
        return len(self.x) if self.whole is None else self.whole


def as_floats(inputs: Tensor) -> Tensor:
    """Turn 8-bit images into numbers in [0, 1], on the device where they lie; vectors are floats already.

    Parameters
    ----------
    inputs : Tensor
        uint8, any shape, or float32 ``(N, P)``.

    Returns
    -------
    Tensor
        float32, same shape; 0 becomes exactly 0 and 255 exactly 1.

    Raises
    ------
    TypeError
        If images are not uint8, for instance because they have been converted already.
    """
    if inputs.dtype == torch.uint8:
        return inputs.float() / 255
    if inputs.dim() == 2:
        return inputs
    raise TypeError(f"expected uint8 images, got {inputs.dtype}")


class SeededPermutation:
    """The order in which an epoch visits the inputs, alike in all processes: a function of (seed, epoch).

    Parameters
    ----------
    size : int
        N, the number of images.
    passes : int
        How often an epoch goes over them, each time in another order.
    seed : int
        Non-negative; two seeds give unrelated orders at every epoch.
    shuffle : bool
        If False, the order is 0, 1, 2, ... at every epoch.
    """

    def __init__(self, size: int, *, passes: int = 1, seed: int = 0, shuffle: bool = True) -> None:
        self.size = size
        self.passes = passes
        self.seed = seed
        self.shuffle = shuffle
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order comes next; Lightning calls this at the start of each one."""
        self.epoch = epoch

    def indices(self) -> Tensor:
        """Return the order, int64 ``(passes N,)``, on the CPU."""
        if not self.shuffle:
            return torch.arange(len(self)) % self.size
        # A sum such as seed + epoch would give seed 1 the orders of seed 0, one epoch late.
        mixed = np.random.SeedSequence((self.seed, self.epoch)).generate_state(1).item()
        generator = torch.Generator().manual_seed(mixed)
        return torch.cat([self.order(generator) for _ in range(self.passes)])

    def order(self, generator: torch.Generator) -> Tensor:
        """Draw the order of one pass, int64 ``(N,)``."""
        return torch.randperm(self.size, generator=generator)

    def __len__(self) -> int:
        return self.passes * self.size


class Own(NamedTuple):
    """One process's part of a batch, as `Batch` has it."""

    places: Tensor
    share: float
    whole: int | None


class TensorBatches:
    """Iterate over a tensor of inputs in batches; the last one may be smaller.

    Of W processes, each takes every W-th input of each batch: together they have the batches of one process.
    A process for which the last batch has no input gets its first one, with share 0, to stay in step.

    Parameters
    ----------
    images : Tensor
        ``(N, C, H, W)``, on the device where the batches are wanted.
    batch_size : int
        Inputs per batch of all processes together, at least ``world_size``.
    passes, seed, shuffle
        As in `SeededPermutation`.
    rank, world_size : int
        Which of how many processes this one is.

    Attributes
    ----------
    sampler : SeededPermutation
        The order; Lightning finds it under this name to announce each epoch.
    targets : Tensor or None
        A row for each input, ``(N, K)`` on the inputs' device, from which each batch takes its own. What is
        set at the start of an epoch holds for its batches.
    """

    batch_sampler = None  # Lightning asks this of whatever has a sampler

    def __init__(
        self,
        images: Tensor,
        batch_size: int,
        *,
        passes: int = 1,
        seed: int = 0,
        shuffle: bool = True,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self.inputs = images
        self.batch_size = batch_size
        self.targets: Tensor | None = None
        self.sampler = SeededPermutation(len(images), passes=passes, seed=seed, shuffle=shuffle)
        self.rank = rank
        self.world_size = world_size

    def __iter__(self) -> Iterator[Batch]:
        order = self.sampler.indices().to(self.inputs.device)
        for start in range(0, len(order), self.batch_size):
            own = self.own(order[start : start + self.batch_size])
            yield self.batch(self.inputs.index_select(0, own.places), own)

    def own(self, whole: Tensor) -> Own:
        """Return this process's part of a whole batch's places ``(B,)``."""
        if self.world_size == 1:
            return Own(whole, 1.0, None)
        index, size = whole[self.rank :: self.world_size], len(whole)
        share = len(index) * self.world_size / size
        return Own(index if len(index) else whole[:1], share, size)

    def batch(self, rows: Tensor, own: Own) -> Batch:
        """Return the batch of this process's inputs, with their targets."""
        index = own.places.to(rows.device)
        target = None if self.targets is None else self.targets.index_select(0, index)
        return Batch(rows, index, target, own.share, own.whole)

    def __len__(self) -> int:
        return -(-len(self.sampler) // self.batch_size)
