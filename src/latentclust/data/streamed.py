"""Training batches of inputs that stay in their file: blocks in random order, shuffled within a buffer."""

from collections.abc import Iterator
from math import prod
from typing import Any

import torch
from torch import Tensor

from latentclust.data.batches import Batch, SeededPermutation, TensorBatches
from latentclust.data.mapped import MappedInputs

BLOCK = 2**18
"""Bytes of neighboring rows that are read together."""
BUFFER = 2**25
"""Bytes of rows that are in memory and shuffled at once: 128 blocks from all over the file."""


class BlockPermutation(SeededPermutation):
    """An order that a file can be read in: a pure function of (seed, epoch), as its base class's.

    The blocks of the file come in random order, as many at a time as fill the buffer, and the rows of these
    in random order. Each row comes once.

    Parameters
    ----------
    size
        N, the number of rows.
    block, blocks
        Rows of a block, and blocks of a buffer.
    **options
        As for `SeededPermutation`.
    """

    def __init__(self, size: int, *, block: int, blocks: int, **options: Any) -> None:
        super().__init__(size, **options)
        self.block = block
        self.blocks = blocks

    def order(self, generator: torch.Generator) -> Tensor:
        """Draw the order of one pass, int64 ``(N,)``."""
        blocks = torch.randperm(-(-self.size // self.block), generator=generator)
        within = torch.arange(self.block)
        found = []
        for start in range(0, len(blocks), self.blocks):
            group = blocks[start : start + self.blocks]
            rows = (group[:, None] * self.block + within).flatten()
            rows = rows[rows < self.size]  # the last block of the file may be smaller
            found.append(rows[torch.randperm(len(rows), generator=generator)])
        return torch.cat(found)


class StreamedBatches(TensorBatches):
    """Iterate over inputs in a file in batches, as `TensorBatches` does over a tensor.

    Parameters
    ----------
    inputs
        N of them; batches come to their device.
    batch_size
        Inputs per batch of all processes together.
    rank, world_size
        As for `TensorBatches`; each process reads its own rows alone.
    **options
        As for `SeededPermutation`.
    """

    inputs: MappedInputs  # type: ignore[assignment]  # what batches are cut from

    def __init__(
        self,
        inputs: MappedInputs,
        batch_size: int,
        *,
        rank: int = 0,
        world_size: int = 1,
        **options: Any,
    ) -> None:
        each = max(1, prod(inputs.shape[1:]) * inputs.dtype.itemsize)
        self.inputs = inputs
        self.batch_size = batch_size
        self.targets = None
        self.rank = rank
        self.world_size = world_size
        block, held = max(1, BLOCK // each), max(1, BUFFER // each)
        self.held = -(-held // batch_size) * batch_size  # so that each batch is of one buffer
        self.sampler = BlockPermutation(len(inputs), block=block, blocks=max(1, held // block), **options)

    def __iter__(self) -> Iterator[Batch]:
        order = self.sampler.indices()
        for start in range(0, len(order), self.held):
            owned = [
                self.own(whole) for whole in torch.split(order[start : start + self.held], self.batch_size)
            ]
            rows = self.inputs[torch.cat([own.places for own in owned])]
            parts = torch.split(rows, [len(own.places) for own in owned])
            for part, own in zip(parts, owned, strict=True):
                yield self.batch(part, own)
