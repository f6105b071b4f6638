"""Neighbors on a GPU: all distances in blocks, and the image distortion model for many pairs at once.

On a CPU, :mod:`~latentclust.clustering.neighbors` and :mod:`~latentclust.clustering.distortion` are faster.
Shapes: N points with F features, images ``(N, C, H, W)``; what is found comes back to the host.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

# Distances, and values of the differences of pairs of images, that are held at once: 1 GB each.
BLOCK = 2**28
# Squares by a product of matrices are rounded: this many more are taken, and measured by differences.
SPARE = 8


def computes(tensor: Tensor) -> bool:
    """Whether a tensor lies where this pays: not on a CPU, and not on Apple's GPUs, which have no float64."""
    return tensor.device.type not in ("cpu", "mps")


def nearest_points(points: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """Find the n nearest among points ``(N, F)`` by Euclidean distance, n at most N.

    Returns
    -------
    tuple[Tensor, Tensor]
        Indices int64 and distances float32, each ``(N, n)``, the nearest first, on the points' device.
    """
    points = points.float()
    points = points - points.mean(dim=0)  # or the squares would drown the differences
    squares, taken = points.square().sum(dim=1), min(n + SPARE, len(points))
    size = max(1, BLOCK // max(len(points), taken * points.shape[1]))
    found = []
    for rows in torch.split(points, size):
        chosen = torch.addmm(squares, rows, points.T, alpha=-2).topk(taken, largest=False).indices
        distances = (points[chosen] - rows[:, None]).square().sum(dim=-1)
        found.append(_sorted(chosen, distances, n))
    return _joined(found)


def nearest_distorted(gradients: Tensor, candidates: Tensor, n: int, warp: int) -> tuple[Tensor, Tensor]:
    """Choose each image's n nearest among its candidates by the image distortion model.

    Parameters
    ----------
    gradients
        ``(N, 2 C, H + 2 warp + 2, W + 2 warp + 2)``, with zeros around the images.
    candidates
        ``(N, M)``.
    n
        At most M.
    warp
        How many pixels any pixel may move along either axis.

    Returns
    -------
    tuple[Tensor, Tensor]
        As :func:`nearest_points`.
    """
    n_candidates = candidates.shape[1]
    size = max(1, BLOCK // (n_candidates * gradients[0].numel()))
    found = []
    for first in range(0, len(gradients), size):
        chosen = candidates[first : first + size]
        images = gradients[first : first + size].repeat_interleave(
            n_candidates, dim=0, output_size=chosen.numel()
        )
        distances = distortions(images, gradients[chosen.flatten()], warp)
        found.append(_sorted(chosen, distances.view_as(chosen), n))
    return _joined(found)


def distortions(images: Tensor, others: Tensor, warp: int) -> Tensor:
    """Compute the squared distances of B images from B others, by their gradients, ``(B,)``."""
    height, width = images.shape[2] - 2 * warp, images.shape[3] - 2 * warp  # the image and a pixel around it
    images = images[:, :, warp : warp + height, warp : warp + width]
    best: Tensor | None = None
    for down in range(2 * warp + 1):
        for right in range(2 * warp + 1):
            moved = others[:, :, down : down + height, right : right + width]
            squares = (images - moved).square().sum(dim=1, keepdim=True)
            around = F.avg_pool2d(squares, 3, stride=1, divisor_override=1)
            best = around if best is None else torch.minimum(best, around)
    assert best is not None
    return best.sum(dim=(1, 2, 3))


def _sorted(chosen: Tensor, squared: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """Return the n nearest of each row, the nearest first, of equal ones the first; and their distances."""
    squared, order = squared.sort(dim=1, stable=True)
    return chosen.gather(1, order[:, :n]), squared[:, :n].sqrt()


def _joined(found: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    indices, distances = zip(*found, strict=True)
    return torch.cat(indices), torch.cat(distances)
