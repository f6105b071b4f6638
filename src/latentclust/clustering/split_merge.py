"""Ways out of a poor maximum of a mixture's likelihood: two components become one, and a third becomes two.

Ueda, Nakano, Ghahramani and Hinton 2000, "SMEM algorithm for mixture models".
"""

from collections.abc import Iterator
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from latentclust.clustering.scikit import kmeans_of

Array = NDArray[np.float64]


def merge_and_split(
    points: Array, responsibilities: Array, means: Array, variances: Array, *, n_pairs: int, seed: int
) -> Iterator[Array]:
    """Yield responsibilities ``(N, K)`` in which two components are merged and another one is split.

    Merged are, in turn, the pairs that lose least by it; each time every other component is split, between
    the halves that 2-means finds in it.

    Parameters
    ----------
    points
        ``(N, D)``.
    responsibilities
        ``(N, K)``, rows with sum 1.
    means, variances
        Of each component, ``(K, D)``.
    n_pairs
        Pairs that are tried.
    seed
        Of the 2-means.
    """
    n_clusters = responsibilities.shape[1]
    losses = merge_losses(responsibilities.sum(axis=0), means, variances)
    pairs = sorted(combinations(range(n_clusters), 2), key=lambda pair: losses[pair])
    clusters = responsibilities.argmax(axis=1)
    halves: dict[int, NDArray[np.int32]] = {}
    for k in range(n_clusters):
        scaled = (points - means[k]) / np.sqrt(variances[k])
        members = scaled[clusters == k]
        if len(np.unique(members, axis=0)) > 1:
            halves[k] = kmeans_of(members, 2, n_init=3, seed=seed).predict(scaled)
    for i, j in pairs[:n_pairs]:
        for k, half in halves.items():
            if k not in (i, j):
                changed = responsibilities.copy()
                changed[:, i] += changed[:, j]
                changed[:, j] = responsibilities[:, k] * half
                changed[:, k] -= changed[:, j]
                yield changed


def merge_losses(counts: Array, means: Array, variances: Array) -> Array:
    """Compute what the log-likelihood loses, in nats, if the points of two components have one for both.

    Parameters
    ----------
    counts
        Points of each component, ``(K,)``.
    means, variances
        Of diagonal Gaussians, each ``(K, D)``.

    Returns
    -------
    Array
        ``(K, K)``, at least 0 but for rounding, where these are the points' own moments.
    """
    both = np.maximum(counts[:, None] + counts, np.finfo(float).tiny)
    share = (counts[:, None] / both)[..., None]
    pooled = share * variances[:, None] + (1 - share) * variances
    pooled += share * (1 - share) * (means[:, None] - means) ** 2
    volumes = counts * np.log(variances).sum(axis=1)
    losses: Array = 0.5 * (both * np.log(pooled).sum(axis=-1) - volumes[:, None] - volumes)
    return losses
