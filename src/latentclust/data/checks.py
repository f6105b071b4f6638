"""Arrays from outside: checked, and brought into the forms that the rest knows."""

from math import prod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

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


def require_variety(inputs: NDArray[Any], what: str = "rows") -> None:
    """Refuse inputs that are all the same: for those who cluster them, not for those who only predict.

    Raises
    ------
    LatentclustError
        If there are several, all equal.
    """
    for start in range(0, len(inputs), CHUNK):
        part = inputs[start : start + CHUNK]
        first = np.broadcast_to(inputs[0], part.shape)
        if not np.array_equal(part, first, equal_nan=part.dtype.kind == "f"):
            return
    if len(inputs) > 1:
        raise LatentclustError(f"all {len(inputs):,} {what} are equal, so there is nothing to cluster")


def checked_images(images: NDArray[Any]) -> NDArray[Any]:
    """Return images ``(N, H, W[, C])`` as uint8 or float32 ``(N, C, H, W)``.

    Floats in [0, 1] are rounded to 8 bits; numbers of any other range come as they are, as float32.

    Raises
    ------
    LatentclustError
        If they are no images, or some numbers are not finite.
    """
    if images.ndim == 3:
        images = images[..., np.newaxis]
    if images.ndim != 4 or images.size == 0 or images.shape[-1] > MAX_CHANNELS:
        raise LatentclustError(
            f"images have shape {images.shape}: give (N, H, W), or (N, H, W, C) with channels last, "
            f"at least one image and at most {MAX_CHANNELS} channels; vectors (N, P) are called x"
        )
    if images.dtype.kind not in NUMBERS:
        raise LatentclustError(f"images are {images.dtype}: give uint8, or other numbers")
    if images.dtype != np.uint8:
        images = _as_bytes(images) if _is_unit(images) else _as_float32(images, "images")
    return np.ascontiguousarray(np.moveaxis(images, -1, 1))


def _is_unit(images: NDArray[Any]) -> bool:
    """Whether they are floats in [0, 1], or true and false; NaN is neither."""
    return images.dtype.kind == "b" or (
        images.dtype.kind == "f" and bool(images.min() >= 0 and images.max() <= 1)
    )


def _as_bytes(images: NDArray[Any]) -> NDArray[np.uint8]:
    rounded = np.empty(images.shape, np.uint8)
    for start in range(0, len(images), CHUNK):
        rounded[start : start + CHUNK] = (images[start : start + CHUNK] * 255).round()
    return rounded


def _as_float32(array: NDArray[Any], what: str, *, missing: bool = False) -> NDArray[np.float32]:
    if array.dtype != np.float32:
        require_memory(4 * prod(array.shape))
    with np.errstate(over="ignore"):
        floats = np.ascontiguousarray(array, dtype=np.float32)
    for start in range(0, len(floats), CHUNK):
        part = floats[start : start + CHUNK]
        if np.isinf(part).any():
            row = start + int(np.isinf(part).reshape(len(part), -1).any(axis=1).argmax())
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
    if x.ndim != 2 or x.size == 0:
        raise LatentclustError(
            f"x has shape {x.shape}: give vectors (N, P), or images (N, H, W) or (N, H, W, C), at least one"
        )
    if x.dtype.kind not in NUMBERS:
        raise LatentclustError(f"x is {x.dtype}: give numbers; a file of text and dates can be a data=table")
    require_columns(x.shape[1])
    return _as_float32(x, "the vectors x", missing=True)


def notes_on(vectors: NDArray[np.float32], feature_names: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Say what a person should know of vectors ``(N, P)``: missing values and constant columns."""
    holes = np.isnan(vectors)
    told = []
    if n := int(holes.sum()):
        rows = int(holes.any(axis=1).sum())
        told.append(
            f"{n:,} of {vectors.size:,} values are missing, in {rows:,} rows: nothing is filled in for them"
        )
    if n := int(holes.all(axis=1).sum()):
        told.append(f"{n:,} rows have no value at all: their clusters mean nothing")
    low, high = np.fmin.reduce(vectors), np.fmax.reduce(vectors)
    if len(vectors) > 1 and len(constant := np.flatnonzero(~(low < high))):
        names = [feature_names[i] if feature_names else str(i) for i in constant[:5]]
        more = f" and {len(constant) - 5} more" if len(constant) > 5 else ""
        told.append(f"{len(constant)} columns have one value only and tell nothing: {', '.join(names)}{more}")
    return tuple(told)


def checked_labels(labels: NDArray[Any] | None, n: int) -> tuple[torch.Tensor | None, tuple[str, ...]]:
    """Return labels ``(N,)`` of any type as int64 0..K-1 in their order, and their values as text.

    Raises
    ------
    LatentclustError
        If they are not one per input, or some are missing.
    """
    if labels is None:
        return None, ()
    labels = labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels
    if labels.dtype.kind not in f"{NUMBERS}US" or labels.shape != (n,):
        raise LatentclustError(
            f"labels are {labels.dtype} of shape {labels.shape}: give one whole number or text per input, "
            f"({n},)"
        )
    if labels.dtype.kind == "S":
        labels = np.char.decode(labels, "utf-8", "replace")
    if holes := int((np.isnan(labels) if labels.dtype.kind == "f" else _empty(labels)).sum()):
        raise LatentclustError(
            f"{holes:,} of {n:,} labels are missing: give every input one, or leave the labels out"
        )
    if labels.dtype.kind == "f":
        if not (np.abs(labels) < 2**53).all() or (labels != np.round(labels)).any():
            raise LatentclustError("labels hold fractions: a label is the number or the name of a class")
        labels = labels.astype(np.int64)
    values, codes = np.unique(labels, return_inverse=True)
    return torch.from_numpy(codes).long(), tuple(str(value) for value in values)


def _empty(labels: NDArray[Any]) -> NDArray[np.bool_]:
    if labels.dtype.kind != "U":
        return np.zeros(labels.shape, np.bool_)
    stripped: NDArray[np.bool_] = np.char.str_len(np.char.strip(labels)) == 0
    return stripped


def checked_ids(ids: NDArray[Any] | None, n: int) -> tuple[str, ...] | None:
    """Return the names of N inputs, text or whole numbers, as text.

    Raises
    ------
    LatentclustError
        If they are not one per input, or two are the same.
    """
    if ids is None:
        return None
    if ids.dtype.kind not in "iuUS" or ids.shape != (n,):
        raise LatentclustError(
            f"ids are {ids.dtype} of shape {ids.shape}: give one text or whole number per input, ({n},)"
        )
    if ids.dtype.kind == "S":
        ids = np.char.decode(ids, "utf-8", "replace")
    values, counts = np.unique(ids, return_counts=True)
    if doubles := int((counts > 1).sum()):
        raise LatentclustError(
            f"{doubles:,} ids are there more than once, such as '{values[counts > 1][0]}': give every input "
            "its own, or leave the ids out"
        )
    if _empty(ids).any():
        raise LatentclustError("an id is empty: give every input its own, or leave the ids out")
    return tuple(str(name) for name in ids.tolist())


def checked_names(names: NDArray[Any] | None, n_features: int) -> tuple[str, ...]:
    """Return the names of P features as text; none where there are none.

    Raises
    ------
    LatentclustError
        If they are not one per feature.
    """
    if names is None:
        return ()
    if names.dtype.kind not in "iuUS" or names.shape != (n_features,):
        raise LatentclustError(
            f"feature_names are {names.dtype} of shape {names.shape}: give one text per column of x, "
            f"({n_features},)"
        )
    if names.dtype.kind == "S":
        names = np.char.decode(names, "utf-8", "replace")
    return tuple(str(name) for name in names.tolist())


def checked_mask(is_test: NDArray[Any] | None, n: int) -> torch.Tensor:
    """Return which of N inputs are test inputs; none of them if nothing is given.

    Raises
    ------
    LatentclustError
        If it is not one boolean per input, or nothing is left to train on.
    """
    if is_test is None:
        return torch.zeros(n, dtype=torch.bool)
    if is_test.dtype != np.bool_ or is_test.shape != (n,) or is_test.all():
        raise LatentclustError(
            f"is_test is {is_test.dtype} of shape {is_test.shape}: "
            f"give one boolean per input, ({n},), and leave some False to train on"
        )
    return torch.from_numpy(is_test)
