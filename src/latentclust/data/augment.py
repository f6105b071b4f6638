"""Small random changes of images that leave what they show as it is, for a whole batch at once."""

from math import pi

import torch
import torch.nn.functional as F
from torch import Tensor


def warp(images: Tensor, angles: Tensor, shifts: Tensor) -> Tensor:
    """Rotate each image about its center, then shift it; what comes in from outside is 0.

    Parameters
    ----------
    images : Tensor
        float ``(B, C, H, W)``.
    angles : Tensor
        Radians, counterclockwise, ``(B,)``.
    shifts : Tensor
        Pixels to the right and down, ``(B, 2)``.

    Returns
    -------
    Tensor
        ``(B, C, H, W)``, interpolated linearly between pixels.
    """
    height, width = images.shape[-2:]
    cos, sin = angles.cos(), angles.sin()
    right, down = shifts.unbind(dim=1)
    # grid_sample wants to know, for each output pixel, where in the input it comes from: the inverse of the
    # transformation, in units of half the width and half the height.
    matrix = torch.stack(
        [
            torch.stack([cos, -sin * height / width, (-cos * right + sin * down) * 2 / width], dim=1),
            torch.stack([sin * width / height, cos, (-sin * right - cos * down) * 2 / height], dim=1),
        ],
        dim=1,
    )
    grid = F.affine_grid(matrix, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, align_corners=False)


def augment(images: Tensor, degrees: float, pixels: float) -> Tensor:
    """Rotate and shift each image by its own random amounts.

    Parameters
    ----------
    images : Tensor
        float ``(B, C, H, W)``.
    degrees, pixels : float
        The largest rotation either way and the largest shift along each axis, both uniform. With both 0 the
        images come back as they are.

    Returns
    -------
    Tensor
        ``(B, C, H, W)``.
    """
    if not degrees and not pixels:
        return images
    spread = torch.rand(3, len(images), device=images.device, dtype=images.dtype) * 2 - 1
    return warp(images, spread[0] * degrees * pi / 180, spread[1:].T * pixels)
