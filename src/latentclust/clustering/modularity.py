"""How well clusters fit a neighbor graph, which needs no labels, and parts united by that."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.stats import entropy

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
    shares = edge_shares(clusters, graph)
    return float(np.trace(shares) - np.square(shares.sum(axis=1)).sum())


def edge_shares(clusters: NDArray[np.integer], graph: csr_array) -> NDArray[np.float64]:
    """Return the shares ``(K, K)`` of the edges' ends that join two clusters; 0 where there is no edge."""
    members = csr_array((np.ones(len(clusters)), (clusters, np.arange(len(clusters)))))
    joined: NDArray[np.float64] = (members @ graph @ members.T).toarray()
    shares: NDArray[np.float64] = joined / max(joined.sum(), 1.0)
    return shares


def edge_information(clusters: NDArray[np.integer], graph: csr_array) -> float:
    r"""Compute how much of its cluster's entropy a neighbor tells a point.

    .. math:: \frac{1}{H} \sum_{c,d} s_{cd} \ln \frac{s_{cd}}{s_c s_d}, \quad H = -\sum_c s_c \ln s_c

    with the shares :math:`s_{cd}` of all edges' ends that join clusters c and d, and :math:`s_c` their sum
    over d: the normalized mutual information of the clusters at an edge's two ends (Strehl and Ghosh 2002,
    Journal of Machine Learning Research 3, 583, eq. 2). Other than modularity it gains nothing by clusters of
    equal size.

    Parameters
    ----------
    clusters
        ``(N,)``, 0..K-1.
    graph
        ``(N, N)``, symmetric, as of :func:`graph_of`.

    Returns
    -------
    float
        From 0 to 1; 1 where no edge joins two clusters, 0 for a single cluster or a graph without edges.
    """
    shares = edge_shares(clusters, graph)
    ends = shares.sum(axis=1)
    if np.count_nonzero(ends) < 2:
        return 0.0
    return float(2 - entropy(shares, axis=None) / entropy(ends))  # I = H(c) + H(d) - H(c, d)


def evenness(clusters: NDArray[np.integer], n_clusters: int) -> float:
    """Compute the entropy of the clusters' shares over its highest value, ln K (Pielou 1966).

    Parameters
    ----------
    clusters
        ``(N,)``, 0..K-1.
    n_clusters
        K.

    Returns
    -------
    float
        From 0 to 1; 1 if all K clusters have the same size, and for K = 1.
    """
    return float(entropy(np.bincount(clusters)) / np.log(n_clusters)) if n_clusters > 1 else 1.0


def merge_parts(parts: NDArray[np.integer], n_clusters: int, graph: csr_array) -> NDArray[np.int64]:
    r"""Unite the two parts whose union has the highest modularity, until ``n_clusters`` are left.

    Of two parts with the shares :math:`a_i` and :math:`a_j` of all edges' ends, and :math:`e_{ij}` for edges
    between them, the union changes modularity by :math:`2 (e_{ij} - a_i a_j)` (Newman 2004, Physical Review
    E 69, 066133, eq. 2).

    Parameters
    ----------
    parts
        ``(N,)``, any whole numbers from 0 on.
    n_clusters
        K, at least 1.
    graph
        ``(N, N)``, symmetric, as of :func:`graph_of`.

    Returns
    -------
    NDArray[np.int64]
        ``(N,)``, 0..K-1, or fewer where there were fewer parts.
    """
    merged: NDArray[np.int64] = np.unique(parts, return_inverse=True)[1]
    shares = edge_shares(merged, graph)
    while len(shares) > n_clusters:
        ends = shares.sum(axis=1)
        gains = shares - np.outer(ends, ends)
        np.fill_diagonal(gains, -np.inf)
        one, other = sorted(np.unravel_index(gains.argmax(), gains.shape))
        into = np.delete(np.eye(len(shares)), other, axis=1)
        into[other, one] = 1
        shares = into.T @ shares @ into
        merged = into.argmax(axis=1)[merged]
    return merged
