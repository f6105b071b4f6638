"""Many small images in one picture that a page can carry."""

import base64
import io
from math import ceil, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from latentclust.errors import LatentclustError
from latentclust.figures.style import Floats

BUDGET = 4_200_000
"""Bytes of pixels that a sheet may hold. Noise, which no format compresses, then takes 5.6 MB of a page."""
LARGEST = 128
"""Pixels that a side of a thumbnail has at most."""


class Sheet(NamedTuple):
    """Thumbnails of one size, row by row in one picture."""

    png: str
    """The picture: a PNG file in base64."""
    columns: int
    """Thumbnails in a row."""
    rows: int
    """Rows of thumbnails."""
    width: int
    """Pixels from one thumbnail to the next."""
    height: int
    """Pixels from one row to the next."""

    def corners(self, count: int) -> NDArray[np.int32]:
        """Return the left and top pixel of the first `count` thumbnails, (count, 2)."""
        rows, columns = np.divmod(np.arange(count), self.columns)
        return np.stack([columns * self.width, rows * self.height], axis=1).astype(np.int32)


def sprite_sheet(images: Floats, budget: int = BUDGET) -> Sheet:
    """Put images into one PNG file, beside and below each other.

    Of 4000 MNIST digits, one file takes 0.9 MB of a page where single ones take 1.5 MB: it has one header,
    and what repeats across digits compresses too.

    Parameters
    ----------
    images
        M images in [0, 1]: (M, H, W) gray, or (M, H, W, C) with C of 1 or 3. Values outside are cut off.
    budget
        Bytes of pixels at most. Colors above it are reduced to the 256 that fit best; images that are
        still too large, or larger than `LARGEST`, are averaged over blocks of 2 x 2 pixels, or 3 x 3, and
        so on.

    Returns
    -------
    Sheet
        The same images give the same bytes.

    Raises
    ------
    LatentclustError
        The array is not a list of gray or RGB images, or holds NaN.
    """
    if (
        images.ndim not in (3, 4)
        or 0 in images.shape
        or (images.ndim == 4 and images.shape[-1] not in (1, 3))
    ):
        raise LatentclustError(
            f"images have the shape (M, H, W) or (M, H, W, C) with C = 1 or 3, not {images.shape}"
        )
    if np.isnan(images).any():
        raise LatentclustError("the images hold NaN: give them as numbers in [0, 1]")
    if images.ndim == 3:
        images = images[..., None]
    images = _shrunk(images, _factor(len(images), images.shape[1], images.shape[2], budget))
    count, height, width, channels = images.shape
    columns = ceil(sqrt(count * height / width))  # about a square: browsers limit the length of a side
    rows = ceil(count / columns)
    pixels = np.zeros((rows * columns, height, width, channels), dtype=np.uint8)
    pixels[:count] = np.rint(255 * images.clip(0, 1))
    tiled = pixels.reshape(rows, columns, height, width, channels).swapaxes(1, 2)
    mosaic = tiled.reshape(rows * height, columns * width, channels)
    picture = Image.fromarray(mosaic[..., 0] if channels == 1 else mosaic)
    if channels == 3 and images.size > budget:
        picture = picture.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG")
    content = base64.b64encode(buffer.getvalue()).decode()
    return Sheet(content, columns, rows, width, height)


def _factor(count: int, height: int, width: int, budget: int) -> int:
    """Find the smallest side of blocks after whose averaging the images fit; at worst that of the image."""
    largest = max(height, width)
    sides = range(ceil(largest / LARGEST), largest)
    fitting = (side for side in sides if count * ceil(height / side) * ceil(width / side) <= budget)
    return next(fitting, largest)


def _shrunk(images: Floats, factor: int) -> Floats:
    """Average blocks of `factor` x `factor` pixels; at the far edges the last pixel fills up the block."""
    if factor == 1:
        return images
    missing = [(0, 0), *((0, -side % factor) for side in images.shape[1:3]), (0, 0)]
    padded = np.pad(images, missing, mode="edge")
    count, height, width, channels = padded.shape
    blocks = padded.reshape(count, height // factor, factor, width // factor, factor, channels)
    averaged: Floats = blocks.mean(axis=(2, 4))
    return averaged
