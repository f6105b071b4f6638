"""Scores of a clustering from its contingency table alone.

Shapes: K clusters, C classes; ``counts`` ``(K, C)`` says how often each cluster meets each class.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import entropy
from sklearn.metrics import mutual_info_score

Counts = NDArray[np.integer]


def normalized_mutual_information(counts: Counts) -> float:
    """Mutual information of clusters and classes over the arithmetic mean of their entropies, in [0, 1].

    Parameters
    ----------
    counts
        ``(K, C)``, at least one image in all.

    Returns
    -------
    float
        1 where both are a single group.
    """
    of_clusters, of_classes = counts.sum(axis=1), counts.sum(axis=0)
    if np.count_nonzero(of_clusters) == np.count_nonzero(of_classes) == 1:
        return 1.0
    information = float(mutual_info_score(None, None, contingency=counts.astype(np.float64)))
    # Rounding may leave a trace where there is no information, and a last bit too much where there is all.
    return min(1.0, max(0.0, 2 * information / float(entropy(of_clusters) + entropy(of_classes))))


def adjusted_rand_index(counts: Counts) -> float:
    """Compute the adjusted Rand index (Hubert and Arabie 1985, eq. 5), 0 on average by chance.

    Pairs are counted with Python's unbounded integers: their products overflow 64 bits for a set of the size
    of MNIST, where torchmetrics 1.9 gets -1.19 for an index of 0.64.

    Parameters
    ----------
    counts
        ``(K, C)``.

    Returns
    -------
    float
        At most 1; 1 where nothing is left to chance.
    """

    def pairs(sizes: Counts) -> int:
        return sum(size * (size - 1) // 2 for size in map(int, sizes.ravel()))

    together = pairs(counts)
    in_cluster, in_class = pairs(counts.sum(axis=1)), pairs(counts.sum(axis=0))
    every_pair = pairs(counts.sum(keepdims=True))
    # Both sides times 2 x every_pair, so that the division comes last and is the only rounding.
    expected = 2 * in_cluster * in_class
    highest = (in_cluster + in_class) * every_pair
    if highest == expected:
        return 1.0
    return (2 * together * every_pair - expected) / (highest - expected)
