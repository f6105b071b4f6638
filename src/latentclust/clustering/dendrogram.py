"""Clusters merged two at a time, those that overlap most first: a tree, and its cuts.

Shapes: N codes, D dimensions, K clusters.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import average
from scipy.spatial.distance import squareform

Floats = NDArray[np.float64]

# Part of the mean variance that is added to each, so that a cluster of few codes has a volume.
RIDGE = 1e-3


def bhattacharyya(means: Floats, covariances: Floats) -> Floats:
    """Compute the Bhattacharyya distances of Gaussians, ``(K, K)``: 0 for equal ones, large without overlap.

    It is -log of the integral of sqrt(p q), and bounds the error of telling the two apart (Kailath 1967).

    Parameters
    ----------
    means, covariances
        ``(K, D)`` and ``(K, D, D)``, positive definite.
    """
    k = len(means)
    distances = np.zeros((k, k))
    volumes = np.linalg.slogdet(covariances)[1]
    for i in range(k):
        for j in range(i + 1, k):
            between = (covariances[i] + covariances[j]) / 2
            apart = means[i] - means[j]
            distance = float(apart @ np.linalg.solve(between, apart)) / 8
            distance += (np.linalg.slogdet(between)[1] - (volumes[i] + volumes[j]) / 2) / 2
            distances[i, j] = distances[j, i] = max(0.0, distance)
    return distances


def gaussians_of(codes: Floats, clusters: NDArray[np.integer]) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Fit a full Gaussian to the codes of each cluster in use.

    Parameters
    ----------
    codes
        ``(N, D)``.
    clusters
        ``(N,)``.

    Returns
    -------
    tuple
        The clusters in use ``(U,)`` in ascending order, means ``(U, D)`` and covariances ``(U, D, D)``. One
        with fewer codes than it takes has the pooled covariance within clusters mixed in.
    """
    used, dims = np.unique(clusters).astype(np.int64), codes.shape[1]
    means = np.stack([codes[clusters == cluster].mean(axis=0) for cluster in used])
    centered = codes - means[np.searchsorted(used, clusters)]
    pooled = np.atleast_2d(centered.T @ centered) / len(codes)
    scale = max(float(np.trace(pooled)) / dims, np.finfo(float).tiny)
    covariances = np.empty((len(used), dims, dims))
    for number, cluster in enumerate(used):
        members = centered[clusters == cluster]
        own = members.T @ members
        # As many codes of the pooled covariance as there are dimensions.
        covariances[number] = (own + dims * pooled) / (len(members) + dims) + RIDGE * scale * np.eye(dims)
    return used, means, covariances


def tree_of(codes: Floats, clusters: NDArray[np.integer]) -> tuple[NDArray[np.int64], Floats]:
    """Merge clusters by the mean Bhattacharyya distance of the Gaussians of their codes.

    Returns
    -------
    tuple
        The clusters in use ``(U,)``, which are the tree's leaves in this order, and the tree ``(U - 1, 4)``
        in the form of :mod:`scipy.cluster.hierarchy`.
    """
    used, means, covariances = gaussians_of(codes, clusters)
    if len(used) < 2:
        return used, np.empty((0, 4))
    return used, np.asarray(average(squareform(bhattacharyya(means, covariances), checks=False)))


def cut(tree: Floats, k: int) -> NDArray[np.int64]:
    """Cut a tree of U leaves into ``k`` clusters, at most U.

    Returns
    -------
    NDArray[np.int64]
        The merged cluster 0..k-1 of each leaf ``(U,)``, numbered in the order of their first leaves.

    Examples
    --------
    >>> cut(np.array([[0, 2, 0.1, 2], [1, 3, 5.0, 3]]), 2)
    array([0, 1, 0])
    """
    leaves = len(tree) + 1
    members = [[leaf] for leaf in range(leaves)]
    # By hand: scipy's cuts are heights, and merges at the same height would be done together.
    for one, other in tree[: max(0, leaves - k), :2].astype(int):
        members.append(members[one] + members[other])
        members[one], members[other] = [], []
    merged = np.empty(leaves, dtype=np.int64)
    for number, group in enumerate(sorted(filter(None, map(sorted, members)))):
        merged[group] = number
    return merged
