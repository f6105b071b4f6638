"""What a model takes as images: more than its networks do, and never silently something else."""

from collections.abc import Sequence
from math import prod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentclust.errors import LatentclustError

Images = Tensor | NDArray[np.generic]
"""uint8 or floats in [0, 1]: ``(N, C, H, W)``, ``(N, H, W, C)``, flat ``(N, C H W)``, gray ``(N, H, W)``."""


def as_images(images: Images, input_shape: Sequence[int], like: Tensor) -> Tensor:
    """Bring images to the form in which the networks take them.

    Parameters
    ----------
    images
        uint8, which are scaled to [0, 1], or floats in [0, 1]; a tensor or an array of N of them.
    input_shape
        ``(C, H, W)`` of one image. Channels may also come last, gray ones have none, pixels come flat.
    like
        A parameter of the model, whose device and dtype the result has.

    Returns
    -------
    Tensor
        ``(N, C, H, W)`` in [0, 1].

    Raises
    ------
    LatentclustError
        If they are of another type, shape or range.

    Examples
    --------
    >>> as_images(np.full((5, 2, 3), 255, np.uint8), (1, 2, 3), torch.zeros(1)).shape
    torch.Size([5, 1, 2, 3])
    """
    if isinstance(images, np.ndarray) and images.dtype.kind in "buif":
        images = torch.from_numpy(np.ascontiguousarray(images, images.dtype.newbyteorder("=")))
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
    if images.numel() and not (images.min() >= 0 and images.max() <= 1):
        raise LatentclustError("images hold floats outside [0, 1] or NaN: scale them, or give uint8")
    return images.to(like.dtype)
