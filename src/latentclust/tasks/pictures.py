"""Figures with their names, and tensors of images as what matplotlib draws."""

from math import ceil, sqrt
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

Pictures = NDArray[np.float64]


class Drawing(NamedTuple):
    """A figure and where it belongs."""

    name: str
    """Of its file, without suffix, and in TensorBoard."""
    caption: str
    """Of the report."""
    figure: Figure


def as_pictures(images: Tensor) -> Pictures:
    """Convert images ``(..., C, H, W)`` in [0, 1] for matplotlib: channels last."""
    pictures: Pictures = images.detach().cpu().double().movedim(-3, -1).numpy()
    return pictures


def in_rows(pictures: Pictures, columns: int | None = None) -> Pictures:
    """Arrange pictures ``(n, H, W, C)`` as a grid ``(R, M, H, W, C)``: nearly square, or M = ``columns``.

    What the last row has left over is white.
    """
    columns = columns or ceil(sqrt(len(pictures)))
    rows = ceil(len(pictures) / columns)
    white = np.ones((rows * columns - len(pictures), *pictures.shape[1:]))
    return np.concatenate([pictures, white]).reshape(rows, columns, *pictures.shape[1:])
