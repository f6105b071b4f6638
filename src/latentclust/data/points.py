"""Points to cluster whose groups are known: blobs, moons and circles in any number of dimensions.

Shapes: N points, D dimensions.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist, pdist, squareform
from sklearn.datasets import make_circles, make_moons

from latentclust.errors import LatentclustError
from latentclust.limits import LARGEST_POINTS

Floats = NDArray[np.floating]
Integers = NDArray[np.integer]

POINT_SETS = ("blobs", "moons", "circles")
INNER_RADIUS = 0.5  # of the two circles; the outer one has 1


class Points(NamedTuple):
    """Points and the groups that they were drawn from."""

    points: NDArray[np.float64]
    """``(N, D)``."""
    labels: NDArray[np.int64]
    """The group of each point ``(N,)``, 0..K-1; sizes differ by one at most."""


def make_points(
    name: str, n: int, *, dims: int = 2, noise: float = 0.1, n_groups: int = 2, seed: int = 0
) -> Points:
    """Draw points whose first two coordinates hold groups; all further coordinates hold noise alone.

    The first coordinates of a seed are the same in any number of dimensions, so that more dimensions add
    noise to the very same groups: their distance in standard deviations, and so how well the best rule could
    tell them apart, stays what it was.

    Parameters
    ----------
    name
        ``blobs``: round groups whose centers lie on a circle, 1 from the next. ``moons``: two half circles
        of radius 1 that hook into each other. ``circles``: radius 0.5 inside of radius 1.
    n
        N, at least as many as groups.
    dims
        D, at least 2.
    noise
        Standard deviation of the normal noise in every coordinate, at least 0.
    n_groups
        K, at least 1, of the blobs; moons and circles are always two.
    seed
        Of the noise and the order.

    Raises
    ------
    LatentclustError
        If there is no such set, or a number is out of range.

    Examples
    --------
    >>> make_points("moons", 6, noise=0.0).points.round(1).shape
    (6, 2)
    """
    if name not in POINT_SETS:
        raise LatentclustError(f"data.name is {name!r}: choose one of {', '.join(POINT_SETS)}")
    if name != "blobs":
        n_groups = 2
    if n_groups < 1 or n < n_groups:
        raise LatentclustError(f"{n} points cannot make {n_groups} groups: give more points, or fewer groups")
    if dims < 2 or not 0 <= noise < np.inf:
        raise LatentclustError(f"points need dims >= 2 and a finite noise >= 0, not {dims} and {noise}")
    if n * dims > LARGEST_POINTS:
        raise LatentclustError(
            f"{n:,} points in {dims:,} dimensions are too many: n x dims may be at most {LARGEST_POINTS:,}"
        )
    rng = np.random.default_rng(seed)
    shape, labels = _shape(name, n, n_groups)
    order = rng.permutation(n)
    points = noise * rng.normal(size=(dims, n)).T  # coordinate by coordinate: the first ones stay the same
    points[:, :2] += shape[order]
    return Points(np.ascontiguousarray(points), labels[order].astype(np.int64))


def _shape(name: str, n: int, n_groups: int) -> tuple[NDArray[np.float64], Integers]:
    """Return the points ``(N, 2)`` without noise, and their groups ``(N,)``."""
    if name == "moons":
        points, labels = make_moons(n, shuffle=False)
        return points, labels
    if name == "circles":
        points, labels = make_circles(n, shuffle=False, factor=INNER_RADIUS)
        return points, labels
    labels = np.arange(n) % n_groups
    return blob_centers(n_groups)[labels], labels


def blob_centers(n_groups: int) -> NDArray[np.float64]:
    """Return the centers of the blobs ``(K, 2)``: the corners of a regular polygon with sides of length 1."""
    radius = 0.5 / np.sin(np.pi / n_groups) if n_groups > 1 else 0.0
    angles = 2 * np.pi * np.arange(n_groups) / n_groups
    return radius * np.column_stack([np.cos(angles), np.sin(angles)])


class DistanceContrast(NamedTuple):
    """How far the nearest and the farthest other point are, on average over a sample of points."""

    contrast: float
    """Mean of (farthest - nearest) / nearest, at least 0. Near 0, "nearest" has lost its meaning."""
    nearest: float
    """Mean distance of the nearest point."""
    farthest: float
    """Mean distance of the farthest point."""


def distance_contrast(points: Floats, seed: int = 0, *, n_queries: int = 200) -> DistanceContrast:
    """Measure by how much the farthest point is farther than the nearest one.

    Beyer et al. 1999, *When is "nearest neighbor" meaningful?*: where coordinates are independent, the
    contrast (D_max - D_min) / D_min goes to 0 as their number grows.

    Parameters
    ----------
    points
        ``(N, D)``.
    seed
        Chooses the points that are asked for their distances to all others.
    n_queries
        How many, at least 1; all of them where there are no more.

    Returns
    -------
    DistanceContrast
        Copies of a point, at distance 0, do not count as its neighbors.

    Raises
    ------
    LatentclustError
        If all points are equal.
    """
    queries = points[_sample(len(points), n_queries, seed)]
    distances = cdist(queries, points)
    farthest = distances.max(axis=1)
    if not farthest.all():
        raise LatentclustError("all points are equal, so none is nearest: give data.noise above 0")
    nearest = np.where(distances > 0, distances, np.inf).min(axis=1)
    return DistanceContrast(
        contrast=float(np.mean((farthest - nearest) / nearest)),
        nearest=float(nearest.mean()),
        farthest=float(farthest.mean()),
    )


def pairwise_distances(
    points: Floats, labels: Integers | None = None, seed: int = 0, *, size: int = 1000
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the distances of all pairs in a sample of the points: those within groups, and all others.

    Parameters
    ----------
    points
        ``(N, D)``.
    labels
        The group of each point ``(N,)``; without, every pair counts as within one group.
    seed, size
        At most ``size`` points are drawn.

    Returns
    -------
    tuple[NDArray[np.float64], NDArray[np.float64]]
        Distances of the pairs in one group ``(W,)`` and in two ``(B,)``; M points have W + B = M (M - 1) / 2.
    """
    chosen = _sample(len(points), size, seed)
    distances = pdist(points[chosen])
    groups = np.zeros(len(chosen)) if labels is None else labels[chosen]
    same = squareform(groups[:, None] == groups[None, :], checks=False).astype(bool)
    return distances[same], distances[~same]


def _sample(n: int, size: int, seed: int) -> Integers:
    """Return at most ``size`` of the numbers 0..n-1, ascending."""
    return np.sort(np.random.default_rng(seed).permutation(n)[:size])
