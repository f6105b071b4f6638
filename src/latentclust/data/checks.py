"""Arrays from outside: checked, and brought into the forms that the rest knows."""

from collections.abc import Iterable, Iterator
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from latentclust.data.mapped import InputRows
from latentclust.data.memory import require_memory
from latentclust.errors import LatentclustError

MAX_CHANNELS = 4  # more than these in the last axis is most likely an array with its channels first
MAX_COLUMNS = 100_000  # of a vector: the first layer alone would have hundreds of millions of weights
CHUNK = 1024  # inputs that are converted at once
NUMBERS = "biuf"  # NumPy's kinds of numbers


def require_columns(n: int) -> None:
    """Refuse vectors of more numbers than a network can take.

    Raises
    ------
    LatentclustError
        If there are too many.
    """
    if n > MAX_COLUMNS:
        raise LatentclustError(
            f"has {n:,} columns, and at most {MAX_COLUMNS:,} are possible: keep those that vary most, or "
            "reduce them first, for instance with scikit-learn's TruncatedSVD"
        )


def require_variety(inputs: InputRows, what: str = "rows") -> None:
    """Refuse inputs that are all the same, or all missing: for those who cluster them, not to predict.

    Raises
    ------
    LatentclustError
        If there are several, all equal.
    """
    one = inputs[:1].numpy()
    for start in range(0, len(inputs), CHUNK):
        part = inputs[start : start + CHUNK].numpy()
        first = np.broadcast_to(one, part.shape)
        if not np.array_equal(part, first, equal_nan=part.dtype.kind == "f"):
            return
    if one.dtype.kind == "f" and np.isnan(one).all():
        raise LatentclustError(
            f"all {len(inputs):,} {what} are without a value (NaN), so there is nothing to cluster"
        )
    if len(inputs) > 1:
        raise LatentclustError(f"all {len(inputs):,} {what} are equal, so there is nothing to cluster")


def too_alike(inputs: InputRows | NDArray[np.floating], n_clusters: int, what: str) -> str | None:
    """Say that there are fewer different inputs than clusters; None if there are not.

    Parameters
    ----------
    inputs
        N of them; of many different ones only the first are looked at.
    n_clusters
        K.
    what
        What they are called.
    """
    found: set[bytes] = set()
    for start in range(0, len(inputs), CHUNK):
        part = inputs[start : start + CHUNK]
        found.update(row.tobytes() for row in np.asarray(part.cpu() if isinstance(part, Tensor) else part))
        if len(found) >= n_clusters:
            return None
    n = len(found)
    return (
        f"only {n} of the {len(inputs):,} {what} {'is' if n == 1 else 'are'} different, so that of "
        f"{n_clusters} clusters some mean nothing: give n_clusters={n} or fewer"
    )


def checked_images(images: NDArray[Any]) -> NDArray[Any]:
    """Return images ``(N, H, W[, C])`` as uint8 or float32 ``(N, C, H, W)``.

    Floats in [0, 1] are rounded to 8 bits; numbers of any other range come as they are, as float32.

    Raises
    ------
    LatentclustError
        If they are no images, or some numbers are not finite.
    """
    require_images(images.shape, images.dtype)
    if images.dtype != np.uint8:
        images = as_bytes(images) if is_unit(images) else as_float32(images, "images")
    return channels_first(images)


def require_images(shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Refuse what are no images ``(N, H, W[, C])``.

    Raises
    ------
    LatentclustError
        If these are none.
    """
    channels = shape[3] if len(shape) == 4 else 1
    if len(shape) not in (3, 4) or prod(shape) == 0 or channels > MAX_CHANNELS:
        raise LatentclustError(
            f"images have shape {shape}: give (N, H, W), or (N, H, W, C) with channels last, "
            f"at least one image and at most {MAX_CHANNELS} channels; vectors (N, P) are called x"
        )
    if dtype.kind not in NUMBERS:
        raise LatentclustError(f"images are {dtype}: give uint8, or other numbers")


def channels_first(images: NDArray[Any]) -> NDArray[Any]:
    """Turn images ``(N, H, W[, C])`` into ``(N, C, H, W)``."""
    return np.ascontiguousarray(np.moveaxis(images if images.ndim == 4 else images[..., np.newaxis], -1, 1))


def is_unit(images: NDArray[Any]) -> bool:
    """Whether they are floats in [0, 1], or true and false; NaN is neither."""
    return images.dtype.kind == "b" or (
        images.dtype.kind == "f" and bool(images.min() >= 0 and images.max() <= 1)
    )


def as_bytes(images: NDArray[Any]) -> NDArray[np.uint8]:
    """Round numbers in [0, 1] to 8 bits."""
    rounded = np.empty(images.shape, np.uint8)
    for start in range(0, len(images), CHUNK):
        rounded[start : start + CHUNK] = (images[start : start + CHUNK] * 255).round()
    return rounded


def as_float32(
    array: NDArray[Any], what: str, *, missing: bool = False, first: int = 0
) -> NDArray[np.float32]:
    """Convert numbers of any kind; ``missing`` says whether they may be NaN, ``first`` which row begins.

    Raises
    ------
    LatentclustError
        If a number is infinite, or too large, or NaN where that is not allowed.
    """
    if array.dtype != np.float32:
        require_memory(4 * prod(array.shape))
    with np.errstate(over="ignore"):
        floats = np.ascontiguousarray(array, dtype=np.float32)
    for start in range(0, len(floats), CHUNK):
        part = floats[start : start + CHUNK]
        if np.isinf(part).any():
            row = first + start + int(np.isinf(part).reshape(len(part), -1).any(axis=1).argmax())
            raise LatentclustError(
                f"{what} hold an infinite number, or one too large for 32 bits, first in row {row}: "
                "replace it, in vectors by NaN where the value is not known"
            )
        if not missing and np.isnan(part).any():
            raise LatentclustError(
                f"{what} hold NaN: fill in the pixels; only vectors (N, P) may have missing values"
            )
    return floats


def checked_vectors(x: NDArray[Any]) -> NDArray[np.float32]:
    """Return vectors ``(N, P)`` of any numbers as float32, with NaN where a value is missing.

    Raises
    ------
    LatentclustError
        If they are no vectors, too long, or one is infinite.
    """
    require_vectors(x.shape, x.dtype)
    return as_float32(x, "the vectors x", missing=True)


def require_vectors(shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Refuse what are no vectors ``(N, P)``.

    Raises
    ------
    LatentclustError
        If these are none, or too long.
    """
    if len(shape) != 2 or prod(shape) == 0:
        raise LatentclustError(
            f"x has shape {shape}: give vectors (N, P), or images (N, H, W) or (N, H, W, C), at least one"
        )
    if dtype.kind not in NUMBERS:
        raise LatentclustError(f"x is {dtype}: give numbers; a file of text and dates can be a data=table")
    require_columns(shape[1])


def cut(array: NDArray[Any], size: int = CHUNK) -> Iterator[NDArray[Any]]:
    """Yield an array's rows, ``size`` at a time."""
    for start in range(0, len(array), size):
        yield array[start : start + size]


def notes_on(parts: Iterable[NDArray[np.float32]], feature_names: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Say what a person should know of vectors: missing values and constant columns.

    Parameters
    ----------
    parts
        The vectors, ``(n, P)`` at a time.
    feature_names
        P names; none if they have no names.
    """
    missing = holed = empty = size = n_rows = 0
    low = high = np.float32(np.nan)
    for part in parts:
        holes = np.isnan(part)
        missing, size, n_rows = missing + int(holes.sum()), size + part.size, n_rows + len(part)
        holed, empty = holed + int(holes.any(axis=1).sum()), empty + int(holes.all(axis=1).sum())
        low, high = np.fmin(low, np.fmin.reduce(part)), np.fmax(high, np.fmax.reduce(part))
    told = []
    if missing:
        told.append(
            f"{missing:,} of {size:,} values are missing, in {holed:,} rows: nothing is filled in for them"
        )
    if empty:
        told.append(f"{empty:,} rows have no value at all: their clusters mean nothing")
    unknown = np.isnan(low)
    for columns, what in (
        (unknown, "have no value at all"),
        (~unknown & ~(low < high), "have one value only and tell nothing"),
    ):
        if n_rows > 1 and len(places := np.flatnonzero(columns)):
            names = [feature_names[i] if feature_names else str(i) for i in places[:5]]
            more = f" and {len(places) - 5} more" if len(places) > 5 else ""
            told.append(f"{len(places)} columns {what}: {', '.join(names)}{more}")
    return tuple(told)
