"""How well clusters fit a neighbor graph: modularity, which needs no labels."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from latentclust.clustering.neighbors import Neighbors


def graph_of(neighbors: Neighbors) -> csr_array:
    """Join every point to its neighbors: a symmetric matrix of 0 and 1 ``(N, N)``, without loops."""
    n, width = neighbors.indices.shape
    rows = np.repeat(np.arange(n), width)
    columns = neighbors.indices.ravel()
    others = rows != columns
    edges = csr_array((np.ones(others.sum()), (rows[others], columns[others])), (n, n))
    return edges.maximum(edges.T)


def modularity(clusters: NDArray[np.integer], graph: csr_array) -> float:
    r"""Compute the share of edges within clusters, less the share that chance would put there.

    .. math:: \sum_c \left[ \frac{e_c}{m} - \left( \frac{d_c}{2m} \right)^2 \right]

    of m edges, e_c of them within cluster c, whose points have d_c ends of edges (Newman and Girvan 2004,
    Physical Review E 69, 026113, eq. 5).

    Parameters
    ----------
    clusters
        ``(N,)``, 0..K-1.
    graph
        ``(N, N)``, symmetric, as of :func:`graph_of`.

    Returns
    -------
    float
        Below 1; 0 for a single cluster, and where there is no edge.
    """
    ends = graph.sum()
    if not ends:
        return 0.0
    members = csr_array((np.ones(len(clusters)), (clusters, np.arange(len(clusters)))))
    within = (members @ graph).multiply(members).sum()
    degrees = members @ graph.sum(axis=1)
    return float(within / ends - np.square(degrees / ends).sum())
