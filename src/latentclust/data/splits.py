"""Sets of images, and how to take a smaller but like set."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

# Fixed, so that runs with different seeds see the same images and their scores can be compared.
SUBSET_SEED = 0


@dataclass(frozen=True, eq=False)
class Split:
    """A set of images.

    Attributes
    ----------
    images : Tensor
        uint8 ``(N, C, H, W)``.
    labels : Tensor or None
        int64 ``(N,)``, values 0..K-1, on the CPU; None for unlabeled images.
    """

    images: Tensor
    labels: Tensor | None

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: slice | Tensor) -> "Split":
        """Part of the set: a slice is a view of the same memory, a tensor of indices copies."""
        return Split(self.images[index], None if self.labels is None else self.labels[index])

    def __add__(self, other: "Split") -> "Split":
        """Both sets in one, this one first; labeled if both are."""
        images = torch.cat([self.images, other.images])
        if self.labels is None or other.labels is None:
            return Split(images, None)
        return Split(images, torch.cat([self.labels, other.labels]))

    def to(self, device: torch.device | str) -> "Split":
        """Move the images, still as uint8; the labels stay on the CPU, where evaluation wants them."""
        return Split(self.images.to(device), self.labels)


@dataclass(frozen=True, eq=False)
class Source:
    """A dataset as its publisher split it.

    Attributes
    ----------
    train : Split
        The training images.
    test : Split or None
        The test images, if there are any.
    class_names : tuple[str, ...]
        What label 0, 1, ... stands for; empty if there are no labels.
    """

    train: Split
    test: Split | None
    class_names: tuple[str, ...]


def apportion(sizes: Sequence[int], total: int) -> list[int]:
    """Share out ``total`` in proportion to ``sizes``, in whole numbers: the method of largest remainders.

    Ties go to the earlier size.

    >>> apportion([60_000, 10_000], 1_000)
    [857, 143]
    """
    whole = sum(sizes)
    shares = [size * total // whole for size in sizes]
    by_remainder = sorted(range(len(sizes)), key=lambda i: -(sizes[i] * total % whole))
    for i in by_remainder[: total - sum(shares)]:
        shares[i] += 1
    return shares


def uniform_subset(split: Split, size: int) -> Split:
    """Draw ``size`` images uniformly, in their original order; always the same ones.

    Labels have no say in it, so the classes' shares are about those of the whole set, but not exactly.

    Parameters
    ----------
    split : Split
        The whole set, N images.
    size : int
        Number of images to keep, 0..N.
    """
    generator = torch.Generator().manual_seed(SUBSET_SEED)
    return split[torch.randperm(len(split), generator=generator)[:size].sort().values]
