"""Images of the user's own, from a NumPy file."""

import zlib
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch
from numpy.typing import NDArray

from latentclust.data.splits import Source, Split
from latentclust.errors import LatentclustError

ARRAYS = ("images", "labels", "is_test")
MAX_CHANNELS = 4  # more than these in the last axis is most likely an array with its channels first


def load_files(path: str | Path) -> Source:
    """Load the images of an ``.npz`` file, or of an ``.npy`` file that holds nothing else.

    The arrays of the ``.npz`` file are:

    - ``images``: ``(N, H, W)`` or ``(N, H, W, C)`` with C <= 4; uint8, or floats in [0, 1], which are
      rounded to 8 bits.
    - ``labels`` (optional): integers ``(N,)``. They are renumbered 0..K-1 in ascending order, and their
      original values become the class names.
    - ``is_test`` (optional): booleans ``(N,)``, True for the images to put into the test split.

    Raises
    ------
    LatentclustError
        If the file cannot be read or an array is not as described.
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
        with path.open("rb") as file:
            loaded = np.load(file, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                return {"images": loaded}
            if unknown := sorted(set(loaded.files) - set(ARRAYS)):
                raise LatentclustError(f"unknown arrays {', '.join(unknown)}: known are {', '.join(ARRAYS)}")
            if "images" not in loaded.files:
                raise LatentclustError("there is no array called images: add one of shape (N, H, W)")
            return dict(loaded)
    except OSError as error:
        raise LatentclustError(
            f"cannot be read ({error.strerror or error}): give the path of an .npz or .npy file"
        ) from error
    except (ValueError, EOFError, BadZipFile, zlib.error) as error:
        raise LatentclustError(
            "not a whole .npz or .npy file of plain numbers: write it with numpy.savez or numpy.save"
        ) from error


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
        images = (images * 255).round().astype(np.uint8)
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
