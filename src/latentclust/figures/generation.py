"""Images the model drew: samples of each component, and inputs beside their reconstructions."""

from collections.abc import Sequence
from math import ceil

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from latentclust.errors import LatentclustError
from latentclust.figures.style import (
    DPI,
    MARGIN,
    SMALL_SIZE,
    TITLE_SIZE,
    Floats,
    heading_height,
    styled,
    text_width,
    wrapped,
)

_CELL = 72  # pixels on the page that an image is enlarged to, at least
_LINE = 2  # pixels of white around each image
_COLUMNS = 10


@styled
def image_grid(images: Floats, *, title: str, row_labels: Sequence[str] | None = None) -> Figure:
    """Draw rows of images, every pixel enlarged by the same whole number.

    Parameters
    ----------
    images
        R rows of M images in [0, 1]: (R, M, H, W) gray, or (R, M, H, W, C) with C of 1 or 3.
    title
        What is shown: data, model, epoch.
    row_labels
        A text for each row, such as the component and its weight.

    Raises
    ------
    LatentclustError
        The array is not a grid of gray or RGB images.
    """
    mosaic = _mosaic(images)
    labels = [] if row_labels is None else row_labels
    # Laid out by hand in whole pixels: a layout engine would stretch some of them and not others.
    height, width = mosaic.shape[:2]
    margin = round(MARGIN * DPI)
    left = margin + max((ceil((text_width(label, SMALL_SIZE) + 0.08) * DPI) for label in labels), default=0)
    # At least three inches, so that a title over a narrow grid is not broken after every word.
    page_width = max(left + width, 3 * DPI) + margin
    lines = wrapped(title, TITLE_SIZE, (page_width - 2 * margin) / DPI)
    page_height = margin + height + ceil(heading_height(lines) * DPI)

    figure = Figure(figsize=(page_width / DPI, page_height / DPI), dpi=DPI)
    x, y = margin / page_width, 1 - 12 / page_height
    figure.text(x, y, lines, size=TITLE_SIZE, weight="bold", va="top")
    box = (left / page_width, margin / page_height, width / page_width, height / page_height)
    axes = figure.add_axes(box, frameon=False)
    axes.imshow(mosaic, interpolation="nearest", aspect="auto")
    pitch = mosaic.shape[0] / len(images)
    axes.set_xticks([])
    axes.set_yticks([pitch * (row + 0.5) - 0.5 for row in range(len(labels))], labels)
    axes.tick_params(length=0)
    return figure


@styled
def reconstructions(originals: Floats, decoded: Floats, *, title: str) -> Figure:
    """Draw inputs with what the model made of them right below, ten to a row.

    Parameters
    ----------
    originals, decoded
        As many images each, in [0, 1]: (M, H, W), or (M, H, W, C) with C of 1 or 3.
    title
        What is shown: data, model, epoch.

    Raises
    ------
    LatentclustError
        The two differ in shape, or are not images.
    """
    if originals.shape != decoded.shape or len(originals) == 0:
        raise LatentclustError(
            f"reconstructions need as many inputs as outputs, not {originals.shape} and {decoded.shape}"
        )
    columns = min(_COLUMNS, len(originals))
    blocks = -(-len(originals) // columns)
    # Empty places in the last row are white, like the page.
    rows = np.ones((2 * blocks, columns, *originals.shape[1:]), dtype=originals.dtype)
    for offset, images in enumerate((originals, decoded)):
        for block in range(blocks):
            part = images[block * columns : (block + 1) * columns]
            rows[2 * block + offset, : len(part)] = part
    return image_grid(rows, title=title, row_labels=["input", "output"] * blocks)


def _mosaic(images: Floats) -> NDArray[np.uint8]:
    """Tile a grid of images, (R, M, H, W[, C]), into one RGB image of the size it takes on the page."""
    if (
        images.ndim not in (4, 5)
        or 0 in images.shape
        or (images.ndim == 5 and images.shape[-1] not in (1, 3))
    ):
        raise LatentclustError(
            f"a grid of images has the shape (R, M, H, W) or (R, M, H, W, C), C = 1 or 3, not {images.shape}"
        )
    if images.ndim == 4:
        images = images[..., None]
    scale = -(-_CELL // max(images.shape[2:4]))
    # Bytes, for matplotlib would pass gray floats through a color map, which rounds them once more.
    pixels = np.rint(255 * images.clip(0, 1)).astype(np.uint8).repeat(3 // images.shape[-1], axis=-1)
    enlarged = pixels.repeat(scale, axis=2).repeat(scale, axis=3)
    line = (_LINE, _LINE)
    framed = np.pad(enlarged, [(0, 0), (0, 0), line, line, (0, 0)], constant_values=255)
    rows, columns, height, width, channels = framed.shape
    return framed.swapaxes(1, 2).reshape(rows * height, columns * width, channels)
