"""The nearest neighbors that points have among themselves."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from latentclust import progress
from latentclust.clustering.on_device import computes, nearest_points
from latentclust.data.moments import moments
from latentclust.numba_cache import keep_compiled

# Up to this many dimensions a tree finds the neighbors sooner than all distances do.
TREE_DIMS = 15
# Beyond this many dimensions, principal components choose candidates, three for each neighbor that is wanted,
# and whole distances choose among these. There are this many components or, if that is more, one of twelve
# dimensions. Of MNIST's neighbors, by pixels or by an encoder's 256 features, this finds 99.9 %.
SCREEN_DIMS = 32
CANDIDATES = 3
CHUNK = 512
# Means of so many standard deviations: covariances, differences of sums of squares, begin to lose digits.
FAR_OFF = 10
# Points whose neighbors scikit-learn searches at once: enough to keep every core busy.
SEARCHED = 8192

Measure = Callable[[int, NDArray[np.int64], NDArray[np.float32]], None]
"""Writes the squared distances of points, the first of a given number, to those with the given indices."""


class Neighbors(NamedTuple):
    """The n nearest points of each of N points, itself among them, the nearest first."""

    indices: NDArray[np.int64]
    """``(N, n)``."""
    distances: NDArray[np.float32]
    """``(N, n)``, Euclidean if nothing else is said."""


def nearest(points: Tensor | NDArray[np.floating], n: int) -> Neighbors:
    """Find the n nearest among points ``(N, F)``, n at most N, the same in every run.

    Those of a tensor on a GPU are searched there, all others on all cores.
    """
    if isinstance(points, Tensor):
        if computes(points):
            return on_host(nearest_points(points, n))
        points = points.detach().cpu().numpy()
    dims = points.shape[1]
    if dims <= TREE_DIMS:
        return _search(points, n, "kd_tree")
    points = np.ascontiguousarray(points, dtype=np.float32)
    components = min(max(SCREEN_DIMS, dims // 12), len(points))
    if dims <= components or CANDIDATES * n >= len(points):
        return _search(points, n, "brute")
    with np.errstate(invalid="ignore"):  # equal points have no variance to share out
        screen = PCA(components, svd_solver="covariance_eigh").fit_transform(_without_large_means(points))
    keep_compiled(_euclidean)
    candidates = _search(screen, CANDIDATES * n, "brute").indices

    def measure(first: int, chosen: NDArray[np.int64], distances: NDArray[np.float32]) -> None:
        _euclidean(points, first, chosen, distances)

    return nearest_of(candidates, n, measure)


def on_host(found: tuple[Tensor, Tensor]) -> Neighbors:
    """Return what was found on a device."""
    indices, distances = found
    return Neighbors(indices.cpu().numpy(), distances.cpu().numpy())


def nearest_of(candidates: NDArray[np.int64], n: int, measure: Measure) -> Neighbors:
    """Choose each point's n nearest among its candidates ``(N, M)``, n at most M.

    ``measure`` is called in threads, with the candidates of consecutive points ``(B, M)``.
    """
    distances = np.empty(candidates.shape, dtype=np.float32)

    def work(start: int) -> None:
        rows = slice(start, start + CHUNK)
        measure(start, candidates[rows], distances[rows])
        counting.advance(len(candidates[rows]))

    name = f"distances of {len(candidates):,} inputs to their candidates"
    with (
        progress.task(name, len(candidates)) as counting,
        ThreadPoolExecutor(torch.get_num_threads()) as pool,
    ):
        list(pool.map(work, range(0, len(candidates), CHUNK)))  # a list, so that an error comes out
    order = np.argsort(distances, axis=1, kind="stable")[:, :n]
    return Neighbors(
        np.take_along_axis(candidates, order, axis=1), np.sqrt(np.take_along_axis(distances, order, axis=1))
    )


def _without_large_means(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Center points ``(N, F)`` whose means would drown their differences in float32; others stay."""
    mean, variance = (found.numpy() for found in moments(torch.from_numpy(points)))
    if np.abs(mean).max() <= FAR_OFF * np.sqrt(variance.max()):
        return points
    centered = np.empty_like(points)
    for start in range(0, len(points), SEARCHED):
        rows = slice(start, start + SEARCHED)
        centered[rows] = points[rows] - mean  # in float64
    return centered


@njit(fastmath=True, nogil=True)
def _euclidean(points, first, chosen, distances):  # type: ignore[no-untyped-def]  # pragma: no cover
    for b in range(chosen.shape[0]):
        point = points[first + b]
        for m in range(chosen.shape[1]):
            other = points[chosen[b, m]]
            total = np.float32(0)
            for i in range(point.shape[0]):
                difference = point[i] - other[i]
                total += difference * difference
            distances[b, m] = total


def _search(points: NDArray[np.floating], n: int, algorithm: str) -> Neighbors:
    search = NearestNeighbors(n_neighbors=n, algorithm=algorithm, n_jobs=-1).fit(points)
    indices = np.empty((len(points), n), dtype=np.int64)
    distances = np.empty((len(points), n), dtype=np.float32)
    with progress.task(f"neighbors of {len(points):,} inputs", len(points)) as counting:
        for start in range(0, len(points), SEARCHED):
            rows = slice(start, start + SEARCHED)
            distances[rows], indices[rows] = search.kneighbors(points[rows])
            counting.advance(len(points[rows]))
    return Neighbors(indices, distances)
