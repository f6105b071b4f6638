"""What a model takes as inputs: more than its networks do, and never silently something else."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from math import prod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentclust.errors import LatentclustError

Inputs = Tensor | NDArray[np.generic]
"""Preprocessed vectors ``(N, P)``, or images: uint8 or floats in [0, 1], ``(N, C, H, W)``, ``(N, H, W, C)``,
flat ``(N, C H W)``, gray ``(N, H, W)``."""

_IN_RANGE = ContextVar("in_range", default=False)


@contextmanager
def in_range() -> Iterator[None]:
    """Take floats within this block for what they are said to be, without a look at them.

    To look whether images lie in [0, 1] is to wait for the device, and those that a data module holds do.
    """
    token = _IN_RANGE.set(True)
    try:
        yield
    finally:
        _IN_RANGE.reset(token)


def as_inputs(inputs: Inputs, input_shape: Sequence[int], like: Tensor) -> Tensor:
    """Bring inputs to the form in which the networks take them.

    Parameters
    ----------
    inputs
        A tensor or an array: N preprocessed vectors, or N images of uint8, which are scaled to [0, 1], or of
        floats in [0, 1].
    input_shape
        ``(P,)`` of one vector or ``(C, H, W)`` of one image. Channels may also come last, gray ones have
        none, pixels come flat.
    like
        A parameter of the model, whose device and dtype the result has.

    Returns
    -------
    Tensor
        ``(N, P)``, or ``(N, C, H, W)`` in [0, 1].

    Raises
    ------
    LatentclustError
        If they are of another type, shape or range.

    Examples
    --------
    >>> as_inputs(np.full((5, 2, 3), 255, np.uint8), (1, 2, 3), torch.zeros(1)).shape
    torch.Size([5, 1, 2, 3])
    """
    if isinstance(inputs, np.ndarray) and inputs.dtype.kind in "buif":
        inputs = torch.from_numpy(np.ascontiguousarray(inputs, inputs.dtype.newbyteorder("=")))
    if len(input_shape) == 1:
        return _as_vectors(inputs, input_shape[0], like)
    return _as_images(inputs, input_shape, like)


def _as_vectors(inputs: Inputs, n_features: int, like: Tensor) -> Tensor:
    if not isinstance(inputs, Tensor) or inputs.is_complex() or inputs.dim() != 2:
        kind = getattr(inputs, "dtype", type(inputs).__name__)
        raise LatentclustError(f"inputs are {kind}: give a tensor or an array of numbers (N, {n_features})")
    if inputs.shape[1] != n_features:
        raise LatentclustError(
            f"vectors have {inputs.shape[1]} features: this model takes {n_features}, after preprocessing"
        )
    return inputs.to(like)


def _as_images(images: Inputs, input_shape: Sequence[int], like: Tensor) -> Tensor:
    if not isinstance(images, Tensor) or not (images.dtype == torch.uint8 or images.is_floating_point()):
        kind = getattr(images, "dtype", type(images).__name__)
        raise LatentclustError(
            f"images are {kind}: give a tensor or an array of uint8, or of floats in [0, 1]"
        )
    shape = tuple(input_shape)
    if images.dim() == len(shape) + 1 and images.shape[1:] == (*shape[1:], shape[0]) != shape:
        images = images.movedim(-1, 1)
    gray = shape[0] == 1 and images.shape[1:] == shape[1:]
    if not (images.shape[1:] == shape or gray or images.shape[1:] == (prod(shape),)):
        raise LatentclustError(
            f"images have shape {tuple(images.shape)}: this model takes (N, {', '.join(map(str, shape))})"
        )
    images = images.reshape(-1, *shape).to(like.device)
    if images.dtype == torch.uint8:
        return images.to(like.dtype) / 255
    # Written so that NaN fails it too.
    if not _IN_RANGE.get() and images.numel() and not (images.min() >= 0 and images.max() <= 1):
        raise LatentclustError("images hold floats outside [0, 1] or NaN: scale them, or give uint8")
    return images.to(like.dtype)
