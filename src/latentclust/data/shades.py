"""Pictures of more than 8 bits: one number is white in all of a folder, so that their brightness compares."""

from collections.abc import Iterable, Mapping

import numpy as np
from PIL import Image

from latentclust.errors import LatentclustError

# Cameras write 10, 12 or 14 bits into files of 16, and programs 8 bits or floats up to 1.
WHITES = (1, 255, 1023, 4095, 16383, 65535)
KINDS = {"I": "whole numbers", "F": "floats"}
"""By how Pillow's names of them begin."""
DEFAULT = {"I": 65535, "F": 1}
"""What is white where no folder says it."""

Whites = Mapping[str, int]
"""What is white, by kind."""


def kind_of(image: Image.Image) -> str | None:
    """Return the kind of a picture of more than 8 bits; None for one of 8."""
    return image.mode[0] if image.mode[0] in KINDS else None


def highest(image: Image.Image) -> tuple[str, float] | None:
    """Return the kind and the largest number of a picture of more than 8 bits; None for one of 8."""
    kind = kind_of(image)
    return None if kind is None else (kind, float(np.asarray(image, dtype=np.float64).max()))


def common_whites(found: Iterable[tuple[str, float]]) -> dict[str, int]:
    """Choose what is white in pictures of these kinds and largest numbers: the lowest that holds them all.

    >>> common_whites([("I", 812.0), ("I", 3900.0)])
    {'I': 4095}
    """
    tops: dict[str, float] = {}
    for kind, top in found:
        if 0 <= top <= WHITES[-1]:  # else it cannot be read
            tops[kind] = max(top, tops.get(kind, 0.0))
    return {kind: next(white for white in WHITES if top <= white) for kind, top in tops.items()}


def in_8_bits(image: Image.Image, whites: Whites) -> Image.Image:
    """Scale a picture of more than 8 bits, so that 0 is black and its kind's white is white.

    Raises
    ------
    LatentclustError
        If a number is negative, not a number, or lighter than white.
    """
    array = np.asarray(image, dtype=np.float64)
    kind = image.mode[0]
    white = whites.get(kind, DEFAULT[kind])
    low, high = float(array.min()), float(array.max())
    if not (low >= 0 and high <= WHITES[-1]):
        raise LatentclustError("its numbers are no shades of gray: save arrays with numpy for data=files")
    if high > white:
        raise LatentclustError(f"its numbers reach {high:g}, and {white} is white: scale it like the others")
    return Image.fromarray((array * (255 / white)).round().astype(np.uint8))
