"""Figures with their names, and inputs as what matplotlib draws: pictures, or profiles of vectors."""

from collections.abc import Sequence
from itertools import pairwise
from math import ceil, sqrt
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from latentclust.data import Split, as_floats

Pictures = NDArray[np.float64]

PROFILE, BARS = 32, 96
"""Pixels of a profile's height, and its bars at most."""
QUANTILE = 0.99
"""Of the sizes of all numbers: what the longest bar of a profile stands for."""

SIDE = 96
"""Pixels of a photo in a figure, where the inputs are its features: at most, along the longer side."""
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


class Painter(NamedTuple):
    """Makes pictures of inputs: of a vector its profile, with a bar for each number."""

    limit: float | None = None
    """What the longest bars of a vector's profile stand for; None for images."""

    @classmethod
    def of(cls, inputs: Tensor) -> "Painter":
        """Choose the scale for inputs like these, ``(N, C, H, W)`` or ``(N, P)``, preprocessed."""
        if inputs.dim() > 2:
            return cls()
        sizes = inputs.detach().cpu().abs().flatten()
        known = sizes[sizes.isfinite()]
        if not len(known):
            return cls(1.0)
        return cls(max(float(np.quantile(known.numpy(), QUANTILE)), 1e-9))

    @property
    def noun(self) -> str:
        """What the inputs are called."""
        return "images" if self.limit is None else "vectors"

    def __call__(self, inputs: Tensor) -> Pictures:
        """Draw inputs ``(..., C, H, W)`` in [0, 1] or ``(..., P)`` as pictures ``(..., H, W, C)``."""
        return as_pictures(inputs) if self.limit is None else as_profiles(inputs, self.limit)


def pictures_of(split: Split, places: Tensor, paint: Painter, side: int = SIDE) -> Pictures:
    """Draw some of a split's inputs: as the pictures that they were made of, or else as they are.

    Parameters
    ----------
    split
        The inputs, preprocessed.
    places
        Which of them, int64 ``(n,)``, n > 0.
    paint
        Draws inputs that were made of no pictures.
    side
        Pixels of the pictures that they were made of, at most.

    Returns
    -------
    Pictures
        ``(n, H, W, C)``.
    """
    if split.looks is not None:
        return as_pictures(as_floats(split.looks(places, side)))
    return paint(as_floats(split.inputs[places.to(split.inputs.device)]))


def as_profiles(vectors: Tensor, limit: float) -> Pictures:
    """Draw vectors ``(..., P)`` as bars up and down from a middle line, ``(..., 32, W, 1)``.

    Of more than 96 numbers, neighbors share a bar, which shows their mean. What is missing has no bar.

    Parameters
    ----------
    vectors
        NaN where a value is missing.
    limit
        What the longest bar stands for; longer ones are cut off.
    """
    values = vectors.detach().cpu().double().nan_to_num().numpy()
    n_bars = min(values.shape[-1], BARS)
    edges = np.linspace(0, values.shape[-1], n_bars + 1).astype(int)
    means = np.stack([values[..., a:b].mean(axis=-1) for a, b in pairwise(edges)], axis=-1)
    half = PROFILE // 2
    lengths = np.clip(np.round(means / limit * half), -half, half)
    width = max(1, PROFILE // n_bars)
    rows = np.arange(half, -half, -1)  # the row of +16 first, no row 0
    up = (rows > 0)[:, None] & (rows[:, None] <= lengths[..., None, :])
    down = (rows <= 0)[:, None] & (rows[:, None] > lengths[..., None, :])
    pictures = np.repeat(np.where(up | down, 0.15, 1.0), width, axis=-1)
    if width > 2:
        pictures[..., width - 1 :: width] = 1.0  # a gap between bars
    pictures[..., half, :] = np.minimum(pictures[..., half, :], 0.8)  # the middle line
    # A margin keeps neighbors apart.
    margin = [(0, 0)] * (pictures.ndim - 1) + [(2, 2)]
    return np.pad(pictures, margin, constant_values=1.0)[..., None]


def tinted(pictures: Pictures, colors: Sequence[str]) -> Pictures:
    """Give pictures ``(M, H, W, C)`` the colors of their groups: gray ones a ground, RGB ones a frame.

    Of gray pictures black becomes the color and white stays white.

    Returns
    -------
    Pictures
        RGB, ``(M, H, W, 3)``.
    """
    rgb = np.array([to_rgb(name) for name in colors])[:, None, None, :]
    if pictures.shape[-1] == 1:
        found: Pictures = rgb * (1 - pictures) + pictures
        return found
    framed = pictures.copy()
    width = max(1, min(pictures.shape[1:3]) // 12)
    inner = np.zeros(pictures.shape[1:3], dtype=bool)
    inner[width:-width, width:-width] = True
    return np.where(inner[None, :, :, None], framed, rgb)


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
