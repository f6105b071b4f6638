"""Neighbors among images whose pixels may move a little: the image distortion model.

Two digits of one kind differ most in where their strokes are, and there every pixel differs. Keysers et al.
(2007, "Deformation models for image recognition", IEEE PAMI 29(8)) let each pixel of an image find
its counterpart in the other one near its own place, and compare what surrounds them.
"""

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from latentclust.clustering.neighbors import Neighbors, nearest, nearest_of, on_host
from latentclust.clustering.on_device import computes, nearest_distorted, nearest_points
from latentclust.numba_cache import keep_compiled

# A distance takes as long as there are pixels, and on a larger image a pixel would have to move farther.
LARGEST_SIDE = 32
# On a smaller image a pixel is too far a move, so its sides are doubled.
SMALLEST_SIDE = 13


def nearest_images(images: Tensor, n: int, *, warp: int = 2, candidates: int = 40) -> Neighbors:
    r"""Find the n images that each image can be distorted to most easily, alike in every run.

    Those of images on a GPU are searched there, all others on all cores.

    The distance of image a from image b is the root of

    .. math:: \sum_{i} \min_{|d_1|, |d_2| \le w} \sum_{|e_1|, |e_2| \le 1}
        \lVert \nabla a(i + e) - \nabla b(i + d + e) \rVert^2

    over pixels i, with the gradient by Sobel's filter in each channel and zero around the image.

    Parameters
    ----------
    images
        ``(N, C, H, W)``, of any range and type. Larger ones are shrunk to 32 pixels on their longer side,
        and those below 13 are enlarged to twice as many.
    n
        How many, the image itself among them, at most N.
    warp
        How many pixels w any pixel may move along either axis, at least 0.
    candidates
        Images that the distance is measured to, the nearest pixel by pixel: it is costly.

    Returns
    -------
    Neighbors
        ``(N, n)``. The distance is no metric: a may be the nearest of b, and b far from a.
    """
    pixels = images.float() if computes(images) else images.cpu().float()
    longer = max(pixels.shape[2:])
    if longer > LARGEST_SIDE:
        sides = [max(1, round(LARGEST_SIDE / longer * side)) for side in pixels.shape[2:]]
        pixels = F.interpolate(pixels, sides, mode="area")
    flat, n_candidates = pixels.flatten(start_dim=1), min(max(candidates, n), len(pixels))
    if longer < SMALLEST_SIDE:
        pixels = F.interpolate(pixels, scale_factor=2, mode="bilinear")
    gradients = _gradients(pixels, warp)
    if computes(pixels):
        return on_host(nearest_distorted(gradients, nearest_points(flat, n_candidates)[0], n, warp))
    keep_compiled(_distort)
    near, side = nearest(flat.numpy(), n_candidates).indices, gradients.shape[3]
    rows = gradients.flatten(start_dim=2).numpy()

    def measure(first: int, chosen: NDArray[np.int64], distances: NDArray[np.float32]) -> None:
        _distort(rows, side, warp, first, chosen, distances)

    return nearest_of(near, n, measure)


def _gradients(pixels: Tensor, warp: int) -> Tensor:
    """Filter images ``(N, C, H, W)``: gradients ``(N, 2 C, H + 2 m, W + 2 m)`` within a margin of zeros."""
    smooth, slope = torch.tensor([[1.0, 2.0, 1.0]]) / 4, torch.tensor([[-1.0, 0.0, 1.0]]) / 2
    along = smooth.T @ slope
    channels = pixels.shape[1]
    filters = torch.stack([along, along.T])[:, None].repeat(channels, 1, 1, 1).to(pixels)
    return F.pad(F.conv2d(pixels, filters, padding=1, groups=channels), [warp + 1] * 4)


# Sums may be reordered; infinity, which each minimum starts from, stays what it is.
@njit(fastmath={"reassoc", "contract", "nsz"}, nogil=True)
def _distort(  # type: ignore[no-untyped-def]  # pragma: no cover
    gradients, side, warp, first, chosen, distances
):
    """Write the squared distances ``(B, M)`` of B images, the first of number ``first``, to the chosen ones.

    Rows of an image lie one after the other, ``side`` long, so that a shift is an offset and each sum is one
    long loop, which the compiler turns into vector instructions.
    """
    n_gradients, area = gradients.shape[1], gradients.shape[2]
    height, width = area // side - 2 * warp - 2, side - 2 * warp - 2
    origin = warp * side + warp
    length = (height + 1) * side + width + 2  # the image and one pixel around it
    inside = (height - 1) * side + width
    squares = np.empty(length, np.float32)
    rows = np.empty(length, np.float32)
    best = np.empty(inside, np.float32)
    for b in range(chosen.shape[0]):
        image = gradients[first + b]
        for m in range(chosen.shape[1]):
            other = gradients[chosen[b, m]]
            for i in range(inside):
                best[i] = np.inf
            for down in range(-warp, warp + 1):
                for right in range(-warp, warp + 1):
                    start = origin + down * side + right
                    squares[:] = 0
                    for g in range(n_gradients):
                        here, there = image[g, origin : origin + length], other[g, start : start + length]
                        for i in range(length):
                            difference = here[i] - there[i]
                            squares[i] += difference * difference
                    second, third = squares[1:], squares[2:]
                    for i in range(length - 2):
                        rows[i] = squares[i] + second[i] + third[i]
                    second, third = rows[side:], rows[2 * side :]
                    for i in range(inside):
                        best[i] = min(best[i], rows[i] + second[i] + third[i])
            total = np.float32(0)
            for y in range(height):
                for i in range(y * side, y * side + width):
                    total += best[i]
            distances[b, m] = total
