"""How good clusters are where nobody knows the classes: scores of vectors and their clusters alone.

Shapes: N vectors, D dimensions, K clusters.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import entropy
from sklearn.metrics import davies_bouldin_score, silhouette_score

from latentclust.evaluation.assignment import Labels, contingency, whole_numbers
from latentclust.evaluation.scores import adjusted_rand_index

# Vectors that are scored at most: the silhouette compares each with every other one.
SCORED = 2000


class UnlabeledScores(NamedTuple):
    """How well clusters are told apart, without labels."""

    silhouette: float | None
    """Mean over the vectors of (b - a) / max(a, b), with a the mean distance to the others of the cluster and
    b that to the nearest other cluster (Rousseeuw 1987): from -1 to 1, higher is better. None, like the next,
    with a single cluster, or with one for each vector."""
    davies_bouldin: float | None
    """Mean over the clusters of the worst ratio of widths to distance (Davies and Bouldin 1979): at least 0,
    lower is better."""
    confidence: float | None
    """Mean of the largest responsibilities, in (0, 1]; None where clusters have none."""
    entropy: float
    """Of the clusters' shares, in nats: log K where all are equal, 0 for a single one."""
    held_out_bound: float | None = None
    """Mean of how well the model explains the inputs that the pool leaves out, higher is better; None without
    such inputs, or such a model."""


def sampled(n: int, size: int = SCORED) -> NDArray[np.int64]:
    """Return which of n vectors are scored: the same ones in every run, in ascending order."""
    return np.sort(np.random.default_rng(0).permutation(n)[:size])


def unlabeled_scores(
    vectors: NDArray[np.floating],
    clusters: Labels,
    *,
    of_all: Labels | None = None,
    confidence: NDArray[np.floating] | None = None,
) -> UnlabeledScores:
    """Score clusters ``(M,)`` of vectors ``(M, D)``, M at least 1.

    Parameters
    ----------
    vectors, clusters
        A sample, as of :func:`sampled`.
    of_all
        The clusters ``(N,)`` of everything that was sampled, for their shares; None: the sample's.
    confidence
        Largest responsibilities ``(M,)``, if there are any.

    Raises
    ------
    ValueError
        If the lengths differ, or clusters are not whole numbers.
    """
    of_sample = whole_numbers(clusters)
    if len(of_sample) != len(vectors):
        raise ValueError(f"need one cluster per vector: got {len(of_sample)} and {len(vectors)}")
    sizes = np.unique(of_sample if of_all is None else whole_numbers(of_all), return_counts=True)[1]
    silhouette = davies_bouldin = None
    if 2 <= len(np.unique(of_sample)) < len(of_sample):
        points = np.asarray(vectors, dtype=np.float64)
        silhouette = float(silhouette_score(points, of_sample))
        davies_bouldin = float(davies_bouldin_score(points, of_sample))
    return UnlabeledScores(
        silhouette,
        davies_bouldin,
        None if confidence is None else float(np.mean(confidence)),
        float(entropy(sizes)),
    )


def agreement(a: Labels, b: Labels) -> float:
    """Compare two runs' partitions ``(N,)`` of the same inputs: their adjusted Rand index.

    Returns
    -------
    float
        1 where they are the same but for the clusters' numbers, 0 on average by chance.

    Raises
    ------
    ValueError
        If the lengths differ or the values are not whole numbers.

    Examples
    --------
    >>> agreement(np.array([0, 0, 1, 1]), np.array([5, 5, 3, 3]))
    1.0
    """
    return adjusted_rand_index(contingency(a, b))
