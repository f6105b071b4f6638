"""The nearest neighbors that points have among themselves."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

# Up to so many dimensions a tree finds the neighbors sooner than all distances do.
TREE_DIMS = 15
# Beyond so many, principal components choose candidates, and whole distances choose among these: so many
# candidates for each neighbor that is wanted, by so many components or, if that is more, one of eight
# dimensions. Of the neighbors by an encoder's 256 features of MNIST this finds 99.95 %, in less than half the
# time.
SCREEN_DIMS = 32
CANDIDATES = 3
CHUNK = 256


class Neighbors(NamedTuple):
    """The n nearest points of each of N points, itself among them, the nearest first."""

    indices: NDArray[np.int64]
    """``(N, n)``."""
    distances: NDArray[np.float32]
    """``(N, n)``, Euclidean."""


def nearest(points: NDArray[np.floating], n: int) -> Neighbors:
    """Find the n nearest among points ``(N, F)``, n at most N, on all cores and the same in every run."""
    dims = points.shape[1]
    if dims <= TREE_DIMS:
        return _search(points, n, "kd_tree")
    points = points.astype(np.float32)
    components = min(max(SCREEN_DIMS, dims // 8), len(points))
    if dims <= components:
        return _search(points, n, "brute")
    screen = PCA(components, svd_solver="covariance_eigh").fit_transform(points)
    candidates = torch.from_numpy(_search(screen, min(CANDIDATES * n, len(points)), "brute").indices)
    everything = torch.from_numpy(points)
    # One tensor for all: results kept between chunks would keep the allocator from reusing their memory.
    indices, distances = candidates.new_empty(len(points), n), everything.new_empty(len(points), n)
    for start in range(0, len(points), CHUNK):
        chunk = slice(start, start + CHUNK)
        apart = (everything[candidates[chunk]] - everything[chunk, None]).square_().sum(dim=-1).sqrt_()
        distances[chunk], kept = apart.topk(n, largest=False)
        indices[chunk] = candidates[chunk].gather(1, kept)
    return Neighbors(indices.numpy(), distances.numpy())


def joined(first: Neighbors, second: Neighbors, more: int) -> Neighbors:
    """Add to each point's first neighbors the nearest of its second ones that are not among them.

    Parameters
    ----------
    first, second
        ``(N, n)`` and ``(N, m)``, m at least n + more: near in one sense, and in another.
    more
        How many to add.

    Returns
    -------
    Neighbors
        ``(N, n + more)``. Distances are in units of the point's n-th in either sense.
    """
    n = first.indices.shape[1]
    known = (second.indices[:, :, None] == first.indices[:, None, :]).any(axis=2)
    new = np.argsort(known, axis=1, kind="stable")[:, :more]  # False comes before True
    indices = np.hstack([first.indices, np.take_along_axis(second.indices, new, axis=1)])
    distances = np.hstack([_scaled(first, n), np.take_along_axis(_scaled(second, n), new, axis=1)])
    order = np.argsort(distances, axis=1, kind="stable")
    return Neighbors(np.take_along_axis(indices, order, axis=1), np.take_along_axis(distances, order, axis=1))


def _scaled(neighbors: Neighbors, n: int) -> NDArray[np.float32]:
    """Divide each point's distances by that of its n-th neighbor, unless so many are where it is."""
    unit = neighbors.distances[:, n - 1 : n]
    return (neighbors.distances / np.where(unit > 0, unit, 1)).astype(np.float32)


def _search(points: NDArray[np.floating], n: int, algorithm: str) -> Neighbors:
    search = NearestNeighbors(n_neighbors=n, algorithm=algorithm, n_jobs=-1).fit(points)
    distances, indices = search.kneighbors(points)
    return Neighbors(indices, distances.astype(np.float32))
