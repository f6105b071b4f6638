"""Small random changes of images that leave what they show as it is, for a whole batch at once."""

from math import pi
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


class Augmentation(NamedTuple):
    """The largest random changes of an image; each is uniform between both ends, and all 0 change nothing."""

    degrees: float = 0.0
    """Rotation, either way."""
    pixels: float = 0.0
    """Shift along each axis."""
    scale: float = 0.0
    """Share by which width and height, each by itself, grow or shrink; below 1."""
    shear: float = 0.0
    """Slant: how far a point moves to the side for each pixel that it is above or below the center."""


def warp(images: Tensor, matrices: Tensor, shifts: Tensor) -> Tensor:
    """Map each image linearly about its center, then shift it; what comes in from outside is 0.

    Parameters
    ----------
    images : Tensor
        float ``(B, C, H, W)``.
    matrices : Tensor
        ``(B, 2, 2)``, invertible: where a pixel goes that lies (to the right, down) from the center.
    shifts : Tensor
        Pixels to the right and down, ``(B, 2)``.

    Returns
    -------
    Tensor
        ``(B, C, H, W)``, interpolated linearly between pixels.
    """
    height, width = images.shape[-2:]
    # grid_sample wants to know, for each output pixel, where in the input it comes from: the inverse of the
    # map, in units of half the width and half the height. In closed form: torch.linalg.inv would have the
    # host wait for the device at each step, and so would numbers that come from the host as a tensor.
    a, b, c, d = matrices.flatten(start_dim=1).unbind(dim=1)
    right, down = shifts.unbind(dim=1)
    determinant = a * d - b * c
    across = torch.stack([d, -b * height / width, (b * down - d * right) * 2 / width], dim=1)
    along = torch.stack([-c * width / height, a, (c * right - a * down) * 2 / height], dim=1)
    theta = torch.stack([across, along], dim=1) / determinant[:, None, None]
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, align_corners=False)


def augment(images: Tensor, largest: Augmentation) -> Tensor:
    """Scale, slant, rotate and shift each image ``(B, C, H, W)`` by its own random amounts."""
    if not any(largest):
        return images
    shape = (6, len(images))
    angle, slant, wider, taller, right, down = (
        torch.rand(shape, device=images.device, dtype=images.dtype) * 2 - 1
    )
    cos, sin = (angle * largest.degrees * pi / 180).cos(), (angle * largest.degrees * pi / 180).sin()
    wider, taller, slant = 1 + wider * largest.scale, 1 + taller * largest.scale, slant * largest.shear
    # Rotation (counterclockwise, where down is positive) times slant times scale.
    matrices = torch.stack(
        [wider * cos, taller * (sin + slant * cos), -wider * sin, taller * (cos - slant * sin)], dim=1
    )
    return warp(images, matrices.view(-1, 2, 2), torch.stack([right, down], dim=1) * largest.pixels)
