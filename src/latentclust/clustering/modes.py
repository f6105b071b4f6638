"""The modes of a density: the peaks that deep valleys part from higher ones.

Shapes: N points, M of them distinct, D dimensions.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import minimum_spanning_tree

from latentclust.clustering.neighbors import nearest

Floats = NDArray[np.float64]

# Distances that differ by this share of them are equal: scaling a column in float32 has rounded them.
ROUNDING = 1e-3
# Distinct points may be so near each other that float32 has no distance for them.
SMALLEST = float(np.finfo(np.float32).tiny)


def mode_prominences(points: NDArray[np.floating], n_neighbors: int) -> Floats:
    """Measure how far each peak of the density stands above the highest valley that leads to a higher peak.

    The density is that of the nearest neighbors: its logarithm is -D log r, with r the root mean square of
    the distances to them. The valleys are sought along the edges of the neighbor graph. This is the
    persistence of the components of the density's superlevel sets (Chazal et al. 2013, "Persistence-based
    clustering in Riemannian manifolds", ToMATo).

    Equal points are one vertex of the graph, with their number as its weight: see :func:`neighborhoods`. A
    change of units changes nothing.

    Parameters
    ----------
    points
        ``(N, D)``, N at least 2.
    n_neighbors
        Of each point, itself not among them; N - 1 at most are taken. More make a smoother density.

    Returns
    -------
    Floats
        In nats, the largest first: the logarithm of peak over valley. A peak without a way to a higher one
        has the largest that there is, from the highest density to the lowest.

    Examples
    --------
    >>> two = np.array([0.0, 0.1, 0.2, 0.3, 5.0, 5.1, 5.2, 5.3])[:, None]
    >>> len(mode_prominences(two, 2))
    2
    """
    distinct, copies = np.unique(np.asarray(points, dtype=np.float64), axis=0, return_counts=True)
    if len(distinct) == 1:
        return np.zeros(1)
    found = nearest(distinct, min(n_neighbors, len(distinct) - 1) + 1)
    neighbors, distances = found.indices[:, 1:], found.distances[:, 1:].astype(np.float64)
    weights, own = copies[neighbors], copies - 1
    within = neighborhoods(distances, weights, own, n_neighbors, 2 * points.shape[1])
    weights = np.where(within, weights, 0)
    mass = own + weights.sum(axis=1)
    radius = np.sqrt((weights * np.square(distances)).sum(axis=1) / mass)
    density: Floats = np.log(mass / n_neighbors) - points.shape[1] * np.log(np.maximum(radius, SMALLEST))
    # A neighbor that is too far becomes the point itself: an edge that leads nowhere.
    return prominences(density, np.where(within, neighbors, np.arange(len(distinct))[:, None]))


def neighborhoods(
    distances: Floats, weights: NDArray[np.int64], own: NDArray[np.int64], n_neighbors: int, n_sides: int
) -> NDArray[np.bool_]:
    """Choose which of each distinct point's nearest others make its density.

    They are the nearest whose weights add up to the number that is wanted, its own copies included, and all
    that are as far as the last of them. However many copies a point has, the nearest on each side are among
    them too: of whole numbers in D columns, the 2 D beside it.

    Parameters
    ----------
    distances
        Of the nearest others ``(M, n)``, ascending.
    weights
        How many points each of these stands for ``(M, n)``.
    own
        Copies of each point beside itself ``(M,)``.
    n_neighbors
        How many points are wanted.
    n_sides
        How many others are neighbors in any case, if none is more than twice as far as the nearest: so the
        columns' steps may differ, as they do once each column is divided by its standard deviation.

    Returns
    -------
    NDArray[np.bool_]
        ``(M, n)``.
    """
    nearer = own[:, None] + np.cumsum(weights, axis=1) - weights
    last = np.maximum((nearer < n_neighbors).sum(axis=1), 1) - 1
    reach = np.take_along_axis(distances, last[:, None], axis=1)
    within: NDArray[np.bool_] = distances <= reach * (1 + ROUNDING)
    within[:, :n_sides] |= distances[:, :n_sides] <= 2 * distances[:, :1]
    return within


def prominences(density: Floats, neighbors: NDArray[np.int64]) -> Floats:
    """Measure the peaks of a function ``(N,)`` on a graph of neighbors ``(N, n)``, the largest first.

    A valley is the lowest point on the best way between two peaks, which runs along a spanning tree.
    """
    n = len(density)
    starts, ends = np.repeat(np.arange(n), neighbors.shape[1]), neighbors.ravel()
    # An edge is as deep as the lower of its ends; 1 more, because an edge of 0 would be none.
    depths = 1.0 + density.max() - np.minimum(density[starts], density[ends])
    low, high = np.minimum(starts, ends), np.maximum(starts, ends)
    _, first = np.unique(low * n + high, return_index=True)  # a sparse matrix adds up what it is given twice
    graph = coo_matrix((depths[first], (low[first], high[first])), shape=(n, n))
    tree = minimum_spanning_tree(graph.tocsr()).tocoo()
    peaks, parents = density.copy(), np.arange(n)

    def root(i: int) -> int:
        while parents[i] != i:
            parents[i] = parents[parents[i]]
            i = int(parents[i])
        return i

    heights = []
    for edge in np.argsort(tree.data, kind="stable"):
        one, other = root(int(tree.row[edge])), root(int(tree.col[edge]))
        if peaks[one] < peaks[other]:
            one, other = other, one
        heights.append(peaks[other] - (1.0 + density.max() - tree.data[edge]))
        parents[other] = one
    tops = [float(np.ptp(density))] * int((parents == np.arange(n)).sum())
    # Every point that is no peak meets a higher one at its own height.
    real = [height for height in heights if height > 1e-9]
    return np.sort(np.array(tops + real))[::-1]
