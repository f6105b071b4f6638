"""Many images as one picture, laid out in whole pixels so that none of them is smeared."""

from collections.abc import Sequence
from math import ceil

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from latentclust.errors import LatentclustError
from latentclust.figures.style import (
    DPI,
    MARGIN,
    POINTS_PER_INCH,
    SMALL_SIZE,
    TITLE_SIZE,
    Floats,
    heading_height,
    text_width,
    wrapped,
)

CELL = 72  # pixels on the page that an image is enlarged to, at least
LINE = 2  # pixels of white around each image
WHITE = 255

Picture = NDArray[np.uint8]
"""RGB, (height, width, 3)."""


def mosaic(images: Floats, scale: int | None = None, line: int = LINE) -> Picture:
    """Tile a grid of images into one picture of the size it takes on the page.

    Parameters
    ----------
    images
        R rows of M images in [0, 1]: (R, M, H, W) gray, or (R, M, H, W, C) with C of 1 or 3.
    scale
        Width of an image's pixel in pixels of the page; by default such that an image has the width `CELL`.
    line
        Pixels of white around each image.

    Raises
    ------
    LatentclustError
        The array is not a grid of gray or RGB images.
    """
    if (
        images.ndim not in (4, 5)
        or 0 in images.shape
        or (images.ndim == 5 and images.shape[-1] not in (1, 3))
    ):
        raise LatentclustError(
            f"a grid of images has the shape (R, M, H, W) or (R, M, H, W, C), C = 1 or 3, not {images.shape}"
        )
    scale = scale or -(-CELL // max(images.shape[2:4]))
    if images.ndim == 4:
        images = images[..., None]
    # Bytes, for matplotlib would pass gray floats through a color map, which rounds them once more.
    pixels = np.rint(255 * images.clip(0, 1)).astype(np.uint8).repeat(3 // images.shape[-1], axis=-1)
    enlarged = pixels.repeat(scale, axis=2).repeat(scale, axis=3)
    frame = (line, line)
    framed = np.pad(enlarged, [(0, 0), (0, 0), frame, frame, (0, 0)], constant_values=WHITE)
    rows, columns, height, width, channels = framed.shape
    return framed.swapaxes(1, 2).reshape(rows * height, columns * width, channels)


def page(
    picture: Picture, title: str, *, left: float = 0, bottom: float = 0, top: float = 0, right: float = 0
) -> tuple[Figure, Axes]:
    """Put a picture on a page, pixel by pixel: a layout engine would stretch some of them and not others.

    Parameters
    ----------
    picture
        See :func:`mosaic`.
    title
        Stands above, in as many lines as it needs.
    left, bottom, top, right
        Inches to leave free around the picture for labels, besides the margin.

    Returns
    -------
    tuple
        The figure, and axes that the picture fills, without ticks.
    """
    height, width = picture.shape[:2]
    margin = round(MARGIN * DPI)
    x, y = margin + ceil(left * DPI), margin + ceil(bottom * DPI)
    # At least three inches, so that a title over a narrow grid is not broken after every word.
    page_width = max(x + width + ceil(right * DPI), 3 * DPI) + margin
    lines = wrapped(title, TITLE_SIZE, (page_width - 2 * margin) / DPI)
    page_height = y + height + ceil(top * DPI) + ceil(heading_height(lines) * DPI)

    figure = Figure(figsize=(page_width / DPI, page_height / DPI), dpi=DPI)
    figure.text(margin / page_width, 1 - 12 / page_height, lines, size=TITLE_SIZE, weight="bold", va="top")
    box = (x / page_width, y / page_height, width / page_width, height / page_height)
    axes = figure.add_axes(box, frameon=False)
    axes.imshow(picture, interpolation="nearest", aspect="auto")
    axes.set(xticks=[], yticks=[])
    axes.tick_params(length=0)
    return figure, axes


def label_rows(axes: Axes, labels: Sequence[str], n_rows: int) -> None:
    """Write a label to the left of each of the picture's rows."""
    low, high = axes.get_ylim()  # downward: the first is the picture's lower edge
    axes.set_yticks([high + (low - high) * (row + 0.5) / n_rows for row in range(len(labels))], labels)


def label_columns(axes: Axes, centers: Sequence[float], labels: Sequence[str]) -> None:
    """Write labels above the picture, at these places in pixels from its left edge."""
    axes.xaxis.tick_top()
    axes.set_xticks([center - 0.5 for center in centers], labels)
    axes.tick_params(axis="x", length=0, top=False, pad=4)


def widest(labels: Sequence[str]) -> float:
    """Return the inches that the longest of these labels takes beside the picture."""
    return max((text_width(label, SMALL_SIZE) + 0.08 for label in labels), default=0.0)


def highest(labels: Sequence[str]) -> float:
    """Return the inches that the labels with the most lines take above the picture."""
    lines = max((label.count("\n") + 1 for label in labels), default=0)
    return (1.25 * SMALL_SIZE * lines + 5) / POINTS_PER_INCH if lines else 0.0
