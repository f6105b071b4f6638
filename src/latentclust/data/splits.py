"""Sets of inputs, images or vectors, and how to take a smaller but like set."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from latentclust.data.looks import Looks
from latentclust.data.mapped import InputRows, MappedInputs
from latentclust.errors import LatentclustError

# Fixed, so that runs with different seeds see the same inputs and their scores can be compared.
SUBSET_SEED = 0


class InputSpec(NamedTuple):
    """What one input is.

    Examples
    --------
    >>> InputSpec.of(torch.zeros(5, 1, 28, 28, dtype=torch.uint8))
    InputSpec(kind='image', shape=(1, 28, 28))
    """

    kind: Literal["image", "vector"]
    shape: tuple[int, ...]
    """``(C, H, W)`` of an image, ``(P,)`` of a vector."""

    @classmethod
    def of(cls, inputs: InputRows) -> "InputSpec":
        """Describe the inputs of a tensor ``(N, C, H, W)`` or ``(N, P)``."""
        shape = tuple(inputs.shape[1:])
        return cls("image" if len(shape) == 3 else "vector", shape)


@dataclass(frozen=True, eq=False)
class Split:
    """A set of inputs.

    Attributes
    ----------
    inputs : Tensor or MappedInputs
        Images, uint8 or float32 ``(N, C, H, W)``, or vectors, float32 ``(N, P)``, with NaN where a value is
        missing; in memory or in a file.
    labels : Tensor or None
        int64 ``(N,)``, values 0..K-1, on the CPU; None for unlabeled inputs.
    ids : tuple[str, ...] or None
        What each input is called, N names such as those of files; None: by their places 0..N-1.
    looks : Looks or None
        The pictures that vectors were made of, for people; None where there are none.
    """

    inputs: InputRows
    labels: Tensor | None
    ids: tuple[str, ...] | None = None
    looks: Looks | None = None

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, index: slice | Tensor) -> "Split":
        """Part of the set, in memory: a slice is a view of the same memory, a tensor of indices copies."""
        return Split(
            self.inputs[index],
            None if self.labels is None else self.labels[index],
            None if self.ids is None else _chosen(self.ids, index),
            None if self.looks is None else self.looks[index],
        )

    def __add__(self, other: "Split") -> "Split":
        """Both sets in one, this one first; labeled, and with names, if both are."""
        if isinstance(self.inputs, MappedInputs) or isinstance(other.inputs, MappedInputs):
            raise TypeError("inputs in a file cannot be joined with others")
        inputs = torch.cat([self.inputs, other.inputs])
        unlabeled = self.labels is None or other.labels is None
        labels = None if unlabeled else torch.cat([self.labels, other.labels])  # type: ignore[list-item]
        ids = None if self.ids is None or other.ids is None else self.ids + other.ids
        looks = None if self.looks is None or other.looks is None else self.looks + other.looks
        return Split(inputs, labels, ids, looks)

    def to(self, device: torch.device | str) -> "Split":
        """Move the inputs, as they are stored; the labels stay on the CPU, where evaluation wants them."""
        return replace(self, inputs=self.inputs.to(device))


def _chosen(ids: tuple[str, ...], index: slice | Tensor) -> tuple[str, ...]:
    if isinstance(index, slice):
        return ids[index]
    places = index.nonzero().flatten() if index.dtype == torch.bool else index
    return tuple(ids[place] for place in places.tolist())


@dataclass(frozen=True, eq=False)
class Source:
    """A dataset as its publisher split it.

    Attributes
    ----------
    train : Split
        The inputs to train on.
    test : Split or None
        The test inputs, if there are any.
    class_names : tuple[str, ...]
        What label 0, 1, ... stands for; empty if there are no labels.
    feature_names : tuple[str, ...]
        What each number of a vector is called, P names; empty if they have no names.
    notes : tuple[str, ...]
        What a person should know of the reading, such as files that were left out.
    reading : Mapping[str, Any]
        How new inputs are read like these, in plain values.
    limited : bool
        Whether no more was read than is wanted, so that ``data.limit`` has nothing left to do.
    """

    train: Split
    test: Split | None
    class_names: tuple[str, ...]
    feature_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    reading: Mapping[str, Any] = field(default_factory=dict)
    limited: bool = False


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
    """Draw ``size`` inputs uniformly, in their original order; always the same ones.

    Labels have no say in it, so the classes' shares are about those of the whole set, but not exactly.

    Parameters
    ----------
    split : Split
        The whole set, N inputs.
    size : int
        Number of inputs to keep, 0..N.
    """
    return split[uniform_choice(len(split), size)]


def uniform_choice(n: int, size: int) -> Tensor:
    """Return which ``size`` of n inputs `uniform_subset` keeps, int64, in ascending order."""
    generator = torch.Generator().manual_seed(SUBSET_SEED)
    return torch.randperm(n, generator=generator)[:size].sort().values


def require_limit(limit: int, n: int) -> None:
    """Refuse a limit that is larger than the pool of n inputs.

    Raises
    ------
    LatentclustError
        If it is.
    """
    if limit > n:
        raise LatentclustError(f"limit={limit} is larger than the pool: give at most {n}")
