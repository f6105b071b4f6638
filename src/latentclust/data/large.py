"""Arrays larger than memory: looked through once in blocks, and left in their file."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentclust.data.checks import (
    as_bytes,
    as_float32,
    channels_first,
    is_unit,
    notes_on,
    require_images,
    require_vectors,
)
from latentclust.data.mapped import CHUNK, CHUNK_BYTES, MappedInputs, Stored
from latentclust.data.memory import free_memory
from latentclust.data.splits import Source, Split
from latentclust.errors import LatentclustError
from latentclust.progress import task

SHARE = 4
"""An array stays in its file if its numbers would fill a fourth of the free memory or more."""


def stays_in_file(path: Path, in_memory: bool | str) -> bool:
    """Say whether a file's array is to be read in blocks.

    Parameters
    ----------
    path
        An ``.npy`` or ``.npz`` file.
    in_memory
        True and False decide; ``auto``: by its size and the free memory.

    Raises
    ------
    LatentclustError
        If it is to stay in its file, and is no ``.npy`` file; if it is none that can be read.
    """
    if path.suffix.lower() != ".npy":
        if in_memory is False:
            raise LatentclustError(
                f"{path}: data.in_memory=false is for .npy files: write the inputs alone with "
                "numpy.save('x.npy', x)"
            )
        return False
    if in_memory is True or not path.is_file():
        return False
    if in_memory is False:
        return True
    try:
        return SHARE * size_of(Stored.of(path)) >= free_memory()
    except LatentclustError as error:
        raise LatentclustError(f"{path}: {error}") from error


def size_of(stored: Stored) -> int:
    """Return the bytes that the inputs would take in memory: a byte for each number of 8-bit images, or 4."""
    bytes_each = 1 if stored.dtype == np.uint8 and len(stored.shape) > 2 else 4
    return stored.nbytes // stored.dtype.itemsize * bytes_each


def load_mapped(path: Path) -> Source:
    """Look an array through and leave it where it is: vectors ``(N, P)`` or images ``(N, H, W[, C])``.

    Raises
    ------
    LatentclustError
        If it is no array of inputs, or a number is not possible; as for `load_files`.
    """
    try:
        stored = Stored.of(path)
        notes: tuple[str, ...] = ()
        if len(stored.shape) in (3, 4):
            require_images(stored.shape, stored.dtype)
            inputs = MappedInputs(stored, _images(stored))
        else:
            require_vectors(stored.shape, stored.dtype)
            with task("looking through the rows", len(stored)) as one:
                notes = notes_on(_checked(stored, "the vectors x", one.advance, missing=True))
            inputs = MappedInputs(stored, _as_vectors)
    except LatentclustError as error:
        raise LatentclustError(f"{path}: {error}") from error
    told = (
        f"the inputs, {size_of(stored) / 2**30:.2f} GiB, stay in their file and are read in blocks "
        f"({free_memory() / 2**30:.1f} GiB of memory are free): data.in_memory=true reads them at once"
    )
    return Source(Split(inputs, None), None, (), (), (told, *notes))


def _blocks(stored: Stored) -> Iterator[tuple[int, NDArray[Any]]]:
    size = max(1, min(CHUNK, CHUNK_BYTES * len(stored) // max(1, size_of(stored))))
    for start in range(0, len(stored), size):
        yield start, stored.read(slice(start, start + size))


def _checked(
    stored: Stored, what: str, done: Callable[[int], None], *, missing: bool
) -> Iterator[NDArray[np.float32]]:
    for start, part in _blocks(stored):
        yield as_float32(part, what, missing=missing, first=start)
        done(len(part))


def _as_vectors(rows: NDArray[Any]) -> Tensor:
    return torch.from_numpy(rows.astype(np.float32, copy=False))


def _images(stored: Stored) -> Callable[[NDArray[Any]], Tensor]:
    """Say how images become uint8 or float32 ``(n, C, H, W)``: as all of them together would in memory."""
    if stored.dtype == np.uint8:
        return lambda rows: torch.from_numpy(channels_first(rows))
    if all(is_unit(part) for _, part in _blocks(stored)):
        return lambda rows: torch.from_numpy(channels_first(as_bytes(rows)))
    with task("looking through the images", len(stored)) as one:
        for _ in _checked(stored, "images", one.advance, missing=False):
            pass
    return lambda rows: torch.from_numpy(channels_first(rows.astype(np.float32, copy=False)))
