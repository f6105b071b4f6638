"""What the numbers of new inputs mean to a trained model: the range of its own inputs decides."""

import torch
from torch import Tensor

from latentclust.data.description import Description
from latentclust.data.transforms import Unit
from latentclust.errors import LatentclustError

SMALL = 0.1
"""Fractions within [-1, 1] that fill less of the model's range are images on another scale."""


def in_fitted_numbers(raw: Tensor, takes: Description) -> Tensor:
    """Return raw inputs as preprocessing takes them: images in the numbers that the model's own had.

    Parameters
    ----------
    raw
        uint8 or floats: images ``(n, C, H, W)``, or vectors ``(n, P)``.
    takes
        What the model was fitted to.

    Raises
    ------
    LatentclustError
        If a number is infinite, or NaN in an image, or the images are on another scale than the model's own:
        preprocessing would silently make something else of them.
    """
    image, bytes_only = takes.spec.kind == "image", takes_bytes(takes)
    if raw.dtype == torch.uint8:
        if bytes_only or not image:
            return raw
        raw = raw.float()  # preprocessing scales floats alone: as they are, these would be 8 bits of 255
    if raw.isinf().any():
        raise LatentclustError("holds infinite values: give finite ones, or NaN if missing")
    if not image:
        return raw
    if raw.isnan().any():
        raise LatentclustError("holds images with NaN: give whole ones")
    if bytes_only and bool((raw < 0).any() or (raw > 1).any()):
        raise LatentclustError(
            "holds floats outside [0, 1], and this model takes 8-bit images: give uint8, or floats in [0, 1]"
        )
    if not bytes_only:
        _require_scale(raw, takes)
    return raw


def takes_bytes(takes: Description) -> bool:
    """Whether images are of 8 bits, or floats in [0, 1] that become such."""
    return takes.spec.kind == "image" and _ends(takes) in ([], [(0.0, 1.0)])


def _ends(takes: Description) -> list[tuple[float, float]]:
    """Return the smallest and the largest number of the images that a model was fitted to."""
    units = [step for step in takes.preprocess.transforms if isinstance(step, Unit)]
    return [(float(unit.low), float(unit.high)) for unit in units if unit.low.dim() == 0]


def _require_scale(raw: Tensor, takes: Description) -> None:
    """Refuse images that cannot be on the scale of the model's; a little outside of its range they may be."""
    [(low, high)] = _ends(takes)
    least, most = float(raw.min()), float(raw.max())
    width = high - low
    outside = least < low - width or most > high + width
    other_unit = (
        max(abs(least), abs(most)) <= 1
        and 0 < most - least < SMALL * width
        and not bool((raw == raw.round()).all())
    )
    if outside or other_unit:
        raise LatentclustError(
            f"holds images of {least:g} to {most:g}, and those that this model was fitted to are of {low:g} "
            f"to {high:g}: give them on the same scale"
        )
