"""The nearest neighbors that points have among themselves."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

# Up to so many dimensions a tree finds the neighbors sooner than all distances do.
TREE_DIMS = 15
# Beyond so many, the first principal components choose candidates, so many for each neighbor that is wanted,
# and whole distances choose among them. On an encoder's 256 features of MNIST this finds 99.95 % of the
# neighbors in less than half the time.
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
    components = min(SCREEN_DIMS, len(points))
    if dims <= components:
        return _search(points, n, "brute")
    screen = PCA(components, svd_solver="covariance_eigh").fit_transform(points)
    candidates = torch.from_numpy(_search(screen, min(CANDIDATES * n, len(points)), "brute").indices)
    everything = torch.from_numpy(points)
    indices, distances = [], []
    for own, others in zip(torch.split(everything, CHUNK), torch.split(candidates, CHUNK), strict=True):
        apart = (everything[others] - own[:, None]).square().sum(dim=-1).sqrt()
        kept = apart.topk(n, largest=False)
        indices.append(others.gather(1, kept.indices))
        distances.append(kept.values)
    return Neighbors(torch.cat(indices).numpy(), torch.cat(distances).numpy())


def _search(points: NDArray[np.floating], n: int, algorithm: str) -> Neighbors:
    search = NearestNeighbors(n_neighbors=n, algorithm=algorithm, n_jobs=-1).fit(points)
    distances, indices = search.kneighbors(points)
    return Neighbors(indices, distances.astype(np.float32))
