"""Inputs that stay in their file: an ``.npy`` array whose rows are read when they are asked for."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.lib import format as npy
from numpy.typing import NDArray
from torch import Tensor

from latentclust.errors import LatentclustError

CHUNK, CHUNK_BYTES = 16_384, 2**25
"""Rows that are read and worked on at once, and what they may take."""

Index = slice | Tensor


def require_plain(dtype: np.dtype[Any], what: str = "") -> None:
    """Refuse an array of Python objects: to read them could run code.

    Raises
    ------
    LatentclustError
        If it is one; ``what`` says which of a file's.
    """
    if dtype.hasobject:
        raise LatentclustError(
            f"{what}holds Python objects, which could run code and are not read: save numbers, as in "
            "x.astype(float), or text, as in x.astype(str)"
        )


@dataclass(frozen=True)
class Stored:
    """Where the array of an ``.npy`` file lies; only its header has been read.

    The file is mapped for the time of a read alone: the pages that were read are not counted as this
    process's memory for longer than that.
    """

    path: Path
    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]
    fortran: bool
    offset: int
    """Of the first number, in bytes."""
    stamp: tuple[int, int]
    """The file's size in bytes, and when it was changed."""

    @classmethod
    def of(cls, path: Path) -> "Stored":
        """Read the header.

        Raises
        ------
        LatentclustError
            If it is no such file, holds objects, or is shorter than its header says.
        """
        try:
            with path.open("rb") as file:
                version = npy.read_magic(file)
                read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
                shape, fortran, dtype = read(file)
                offset = file.tell()
            stamp = _stamp(path)
        except (OSError, ValueError, EOFError) as error:
            raise LatentclustError(f"is no array that can be read: {error}") from error
        require_plain(dtype)
        if min(shape, default=0) < 0 or offset + prod(shape) * dtype.itemsize > stamp[0]:
            raise LatentclustError(
                "is no array that can be read: not a whole file of plain numbers; write it with numpy.save"
            )
        return cls(path, shape, dtype, fortran, offset, stamp)

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def nbytes(self) -> int:
        """What the array takes."""
        return prod(self.shape) * self.dtype.itemsize

    def read(self, index: slice | NDArray[np.integer]) -> NDArray[np.generic]:
        """Read rows, of an ascending index best.

        Raises
        ------
        LatentclustError
            If the file is no more what it was.
        """
        try:
            if _stamp(self.path) != self.stamp:
                raise LatentclustError(f"{self.path} has changed since the run began: start it again")
            if isinstance(index, slice):
                return np.array(self._mapped()[index], order="C")  # a copy: with the map its pages go
            return self._gathered(index)
        except OSError as error:
            raise LatentclustError(f"{self.path} cannot be read any more: {error.strerror}") from error

    def _mapped(self) -> NDArray[np.generic]:
        order: Literal["F", "C"] = "F" if self.fortran else "C"
        return np.memmap(self.path, self.dtype, mode="r", offset=self.offset, shape=self.shape, order=order)

    def _gathered(self, index: NDArray[np.integer]) -> NDArray[np.generic]:
        """Read scattered rows, a stretch of the file at a time: each touches pages beside its own."""
        rows = max(1, CHUNK_BYTES * len(self) // max(1, self.nbytes))
        found = np.empty((len(index), *self.shape[1:]), self.dtype)
        ends = (np.flatnonzero(np.diff(index // rows)) + 1).tolist()
        for start, stop in pairwise([0, *ends, len(index)]):
            found[start:stop] = self._mapped()[index[start:stop]]
        return found


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


class MappedInputs:
    """What a tensor of N inputs is to those who read it in parts, with its rows in a file.

    A slice or a tensor of indices gives a tensor: those rows, read, converted and preprocessed.

    Parameters
    ----------
    stored
        The array.
    convert
        From rows as they are stored to raw inputs: float32 ``(n, P)``, or uint8 or float32 ``(n, C, H, W)``.
    steps
        What is applied to raw inputs, one after the other.
    device
        Where the rows come to.
    """

    def __init__(
        self,
        stored: Stored,
        convert: Callable[[NDArray[np.generic]], Tensor],
        steps: Sequence[Callable[[Tensor], Tensor]] = (),
        device: torch.device | str = "cpu",
    ) -> None:
        self.stored = stored
        self.convert = convert
        self.steps = tuple(steps)
        self.device = torch.device(device)
        first = self[:1]
        self.shape = torch.Size((len(stored), *first.shape[1:]))
        self.dtype = first.dtype

    def __len__(self) -> int:
        return len(self.stored)

    def dim(self) -> int:
        """Return the number of axes."""
        return len(self.shape)

    def __getitem__(self, index: Index) -> Tensor:
        """Read rows: a slice, or indices ``(n,)`` or a mask ``(N,)`` in any order."""
        if isinstance(index, slice):
            return self._prepared(self.stored.read(index))
        places = index.cpu().nonzero().flatten() if index.dtype == torch.bool else index.cpu()
        ascending, order = places.sort()  # the file is read in one direction
        rows = self._prepared(self.stored.read(ascending.numpy()))
        found = torch.empty_like(rows)
        found[order.to(rows.device)] = rows
        return found

    def _prepared(self, rows: NDArray[np.generic]) -> Tensor:
        inputs = self.convert(rows)
        for step in self.steps:
            inputs = step(inputs)
        return inputs.to(self.device)

    def then(self, step: Callable[[Tensor], Tensor]) -> "MappedInputs":
        """Return the same inputs with a further step."""
        return MappedInputs(self.stored, self.convert, (*self.steps, step), self.device)

    def to(self, device: torch.device | str) -> "MappedInputs":
        """Return the same inputs, whose rows come to another device."""
        return MappedInputs(self.stored, self.convert, self.steps, device)


InputRows = Tensor | MappedInputs
"""Inputs in memory or in a file: what can be cut into parts either way."""


def parts(inputs: InputRows, size: int | None = None) -> Iterator[Tensor]:
    """Yield the inputs ``size`` at a time, in order; by default 16,384, or as many as take 32 MiB."""
    if size is None:
        size = max(1, min(CHUNK, CHUNK_BYTES // max(1, prod(inputs.shape[1:]) * inputs.dtype.itemsize)))
    for start in range(0, len(inputs), size):
        yield inputs[start : start + size]
