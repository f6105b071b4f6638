"""The modes of a density: the peaks that deep valleys part from higher ones.

Shapes: N points, D dimensions.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import minimum_spanning_tree

from latentclust.clustering.neighbors import nearest

Floats = NDArray[np.float64]


def mode_prominences(points: NDArray[np.floating], n_neighbors: int) -> Floats:
    """Measure how far each peak of the density stands above the highest valley that leads to a higher peak.

    The density is that of the nearest neighbors: its logarithm is -D log r, with r the root mean square of
    the distances to them. The valleys are sought along the edges of the neighbor graph. This is the
    persistence of the components of the density's superlevel sets (Chazal et al. 2013, "Persistence-based
    clustering in Riemannian manifolds", ToMATo).

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
    n = min(n_neighbors, len(points) - 1)
    found = nearest(np.asarray(points, dtype=np.float64), n + 1)
    radius = np.sqrt(np.square(found.distances[:, 1:].astype(np.float64)).mean(axis=1))
    # Equal points have no distance: their density is bounded by the least distance that there is.
    least = radius[radius > 0].min(initial=1.0)
    density: Floats = -points.shape[1] * np.log(np.maximum(radius, least))
    return prominences(density, found.indices[:, 1:])


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
