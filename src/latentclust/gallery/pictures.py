"""Figures with their names, and tensors of images as what matplotlib draws."""

from math import ceil, sqrt
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

Pictures = NDArray[np.float64]

LARGEST_SPRITE = 8192
"""Pixels that a side of the one picture may have in which TensorBoard wants all thumbnails."""


class Drawing(NamedTuple):
    """A figure and where it belongs."""

    name: str
    """Of its file, without suffix, and in TensorBoard."""
    caption: str
    """Of the report."""
    figure: Figure


def as_pictures(images: Tensor) -> Pictures:
    """Convert images ``(..., C, H, W)`` in [0, 1] to what can be drawn: channels last, gray or RGB.

    Returns
    -------
    Pictures
        ``(..., H, W, C)``. One channel stays gray, three stay RGB; four are RGB and its opacity, which are
        laid over white; of any other number, such as two, the mean is drawn as gray.
    """
    pictures: Pictures = images.detach().cpu().double().movedim(-3, -1).numpy()
    channels = pictures.shape[-1]
    if channels == 4:
        opacity = pictures[..., 3:]
        return pictures[..., :3] * opacity + (1 - opacity)
    return pictures if channels in (1, 3) else pictures.mean(axis=-1, keepdims=True)


def as_thumbnails(pictures: Pictures) -> Tensor:
    """Pad pictures ``(M, H, W, C)`` with white to the squares that TensorBoard's sprite is made of.

    Returns
    -------
    Tensor
        float32 ``(M, C, S, S)``; shrunk where ceil(sqrt(M)) of them in a row would be more than 8192 pixels.
    """
    images = torch.from_numpy(pictures).float().movedim(-1, -3)
    largest = LARGEST_SPRITE // ceil(sqrt(len(images)))
    side = max(images.shape[-2:])
    if side > largest:
        images = F.interpolate(images, [max(1, s * largest // side) for s in images.shape[-2:]], mode="area")
        side = largest
    height, width = images.shape[-2:]
    left, top = (side - width) // 2, (side - height) // 2
    return F.pad(images, [left, side - width - left, top, side - height - top], value=1.0)


def in_rows(pictures: Pictures, columns: int | None = None) -> Pictures:
    """Arrange pictures ``(n, H, W, C)`` as a grid ``(R, M, H, W, C)``: nearly square, or M = ``columns``.

    What the last row has left over is white.
    """
    columns = columns or ceil(sqrt(len(pictures)))
    rows = ceil(len(pictures) / columns)
    white = np.ones((rows * columns - len(pictures), *pictures.shape[1:]))
    return np.concatenate([pictures, white]).reshape(rows, columns, *pictures.shape[1:])
