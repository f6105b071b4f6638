"""Images of the user's own, from a NumPy file."""

from math import prod
from pathlib import Path
from textwrap import shorten
from typing import IO, Any
from zipfile import ZipFile, is_zipfile

import numpy as np
import psutil
import torch
from numpy.lib import format as npy
from numpy.typing import NDArray

from latentclust.data.splits import Source, Split
from latentclust.errors import LatentclustError

ARRAYS = ("images", "labels", "is_test")
MAX_CHANNELS = 4  # more than these in the last axis is most likely an array with its channels first
COPIES = 2  # of the arrays that are in memory at once while they are checked, split and joined
CHUNK = 1024  # images that are converted at once


def load_files(path: str | Path) -> Source:
    """Load the images of an ``.npz`` file, or of an ``.npy`` file that holds nothing else.

    The arrays of the ``.npz`` file are:

    - ``images``: ``(N, H, W)`` or ``(N, H, W, C)`` with C <= 4; uint8, or floats in [0, 1], which are
      rounded to 8 bits.
    - ``labels`` (optional): integers ``(N,)``. They are renumbered 0..K-1 in ascending order, and their
      original values become the class names.
    - ``is_test`` (optional): booleans ``(N,)``, True for the images to put into the test split.

    The declared sizes are looked at before anything is read: a header may claim, and an archive may inflate
    to, any number of bytes. Arrays of Python objects are refused, for unpickling them could run code.

    Raises
    ------
    LatentclustError
        If the file cannot be read or does not fit into the free memory, or an array is not as described.
    """
    path = Path(path).expanduser()
    try:
        arrays = _read(path)
        images = _checked_images(arrays["images"])
        labels, class_names = _checked_labels(arrays.get("labels"), len(images))
        is_test = _checked_mask(arrays.get("is_test"), len(images))
    except LatentclustError as error:
        raise LatentclustError(f"{path}: {error}") from error
    whole = Split(torch.from_numpy(images), labels)
    if not is_test.any():
        return Source(whole, None, class_names)
    return Source(whole[~is_test], whole[is_test], class_names)


def _read(path: Path) -> dict[str, NDArray[Any]]:
    try:
        if path.exists() and not path.is_file():  # a pipe would be waited for without end
            raise LatentclustError("is not a regular file: give the path of an .npz or .npy file")
        with path.open("rb") as file:
            return (
                _read_archive(file)
                if is_zipfile(file)
                else {"images": _read_array(file, path.stat().st_size)}
            )
    except LatentclustError:
        raise
    except MemoryError as error:
        raise LatentclustError("does not fit into the memory that is free: give fewer images") from error
    except OSError as error:
        raise LatentclustError(
            f"cannot be read ({error.strerror or error}): give the path of an .npz or .npy file"
        ) from error
    except Exception as error:  # a damaged header or archive fails in ways that no list foresees
        raise LatentclustError(
            "not a whole .npz or .npy file of plain numbers: write it with numpy.savez or numpy.save"
        ) from error


def _read_archive(file: IO[bytes]) -> dict[str, NDArray[Any]]:
    with ZipFile(file) as archive:
        members = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
        if unknown := sorted(set(members) - set(ARRAYS)):
            names = shorten(", ".join(n if n.isprintable() else ascii(n) for n in unknown), 200)
            raise LatentclustError(f"unknown arrays {names}: known are {', '.join(ARRAYS)}")
        if "images" not in members:
            raise LatentclustError("there is no array called images: add one of shape (N, H, W)")
        _require_memory(sum(member.file_size for member in members.values()))
        arrays = {}
        for name, member in members.items():
            with archive.open(member) as content:
                arrays[name] = _read_array(content, member.file_size)
        return arrays


def _read_array(file: IO[bytes], size: int) -> NDArray[Any]:
    """Read an array in NumPy's format from a file of this size in bytes."""
    file.seek(0)
    version = npy.read_magic(file)
    shape, _, dtype = (npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0)(file)
    declared = prod(shape) * dtype.itemsize
    if dtype.hasobject or min(shape, default=0) < 0 or file.tell() + declared > size:
        raise ValueError(f"{dtype} of shape {shape} in {size} bytes")
    _require_memory(declared)
    file.seek(0)
    array: NDArray[Any] = npy.read_array(file, allow_pickle=False)
    return array


def _require_memory(size: int) -> None:
    """Refuse arrays of this many bytes if working with them would take more memory than is free."""
    free = _free_memory()
    if COPIES * size > free:
        raise LatentclustError(
            f"holds arrays of {size / 2**30:,.2f} GiB, and {COPIES} times that must fit into the "
            f"{free / 2**30:,.2f} GiB of memory that are free: give fewer or smaller images"
        )


def _free_memory() -> int:
    free = int(psutil.virtual_memory().available)
    try:
        return min(free, int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii")))
    except (OSError, ValueError):  # no control group, or one without a limit: "max"
        return free


def _checked_images(images: NDArray[Any]) -> NDArray[np.uint8]:
    """Return the images as uint8 ``(N, C, H, W)``."""
    if images.ndim == 3:
        images = images[..., np.newaxis]
    if images.ndim != 4 or images.size == 0 or images.shape[-1] > MAX_CHANNELS:
        raise LatentclustError(
            f"images have shape {images.shape}: give (N, H, W), or (N, H, W, C) with channels last, "
            f"at least one image and at most {MAX_CHANNELS} channels"
        )
    if images.dtype.kind == "f":
        # Written so that NaN fails it too.
        if not (images.min() >= 0 and images.max() <= 1):
            raise LatentclustError("images hold floats outside [0, 1] or NaN: scale them, or give uint8")
        rounded = np.empty(images.shape, np.uint8)
        for start in range(0, len(images), CHUNK):
            rounded[start : start + CHUNK] = (images[start : start + CHUNK] * 255).round()
        images = rounded
    if images.dtype != np.uint8:
        raise LatentclustError(f"images are {images.dtype}: give uint8, or floats in [0, 1]")
    return np.ascontiguousarray(np.moveaxis(images, -1, 1))


def _checked_labels(
    labels: NDArray[Any] | None, n_images: int
) -> tuple[torch.Tensor | None, tuple[str, ...]]:
    """Return the labels as int64 0..K-1, and their original values as text."""
    if labels is None:
        return None, ()
    if labels.dtype.kind not in "iu" or labels.shape != (n_images,):
        raise LatentclustError(
            f"labels are {labels.dtype} of shape {labels.shape}: give one integer per image, ({n_images},)"
        )
    values, codes = np.unique(labels, return_inverse=True)
    return torch.from_numpy(codes).long(), tuple(str(value) for value in values)


def _checked_mask(is_test: NDArray[Any] | None, n_images: int) -> torch.Tensor:
    if is_test is None:
        return torch.zeros(n_images, dtype=torch.bool)
    if is_test.dtype != np.bool_ or is_test.shape != (n_images,) or is_test.all():
        raise LatentclustError(
            f"is_test is {is_test.dtype} of shape {is_test.shape}: "
            f"give one boolean per image, ({n_images},), and leave some False to train on"
        )
    return torch.from_numpy(is_test)
