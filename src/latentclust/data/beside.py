"""What may come beside inputs: labels, names, and which of them are test inputs."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from latentclust.data.checks import NUMBERS
from latentclust.errors import LatentclustError


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
        are = "id is" if doubles == 1 else "ids are"
        raise LatentclustError(
            f"{doubles:,} {are} there more than once, such as '{values[counts > 1][0]}': give every input "
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
