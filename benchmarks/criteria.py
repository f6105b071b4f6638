"""Criteria of the number of clusters K that `choose_k.py` compares: each has a value for every K."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score

from latentclust.clustering.choose import Choice, by_modes
from latentclust.clustering.merged import merge_components, mutual_information
from latentclust.clustering.scikit import kmeans_of, mixture_of

Points = NDArray[np.floating]

# Points that a criterion which fits something to them takes at most.
FITTED = 4000


MEASURED = {
    "bic": "-BIC / N",
    "stability": "adjusted Rand index between samples",
    "merging": "mutual information / log K",
}


def by_bic(points: Points, lowest: int, highest: int, seed: int = 0) -> Choice:
    """Take the Gaussian mixture with the least Bayesian information criterion (Schwarz 1978).

    The value of K is minus the criterion per point, of a mixture with full covariances.
    """
    sample = _some(points, seed)
    curve = {}
    for k in range(lowest, highest + 1):
        mixture = mixture_of(sample, k, "full", n_init=1, seed=seed, reg_covar=1e-4)
        curve[k] = -float(mixture.bic(sample)) / len(sample)
    return _best("bic", curve, "the Gaussian mixture with the best Bayesian information criterion")


def by_stability(
    points: Points, lowest: int, highest: int, seed: int = 0, *, n_samples: int = 4, share: float = 0.8
) -> Choice:
    """Take the K whose k-means partitions of overlapping samples agree best (Ben-Hur et al. 2002).

    The value of K is the mean adjusted Rand index of all pairs of samples, on the points that both have.
    """
    sample, random = _some(points, seed), np.random.default_rng(seed)
    size = max(2, int(share * len(sample)))
    drawn = [np.sort(random.permutation(len(sample))[:size]) for _ in range(n_samples)]
    curve = {}
    for k in range(lowest, min(highest, size) + 1):
        clusters = []
        for number, chosen in enumerate(drawn):
            of_all = np.full(len(sample), -1)
            of_all[chosen] = kmeans_of(sample[chosen], k, n_init=3, seed=seed + number).labels_
            clusters.append(of_all)
        pairs = [(a, b) for i, a in enumerate(clusters) for b in clusters[i + 1 :]]
        scores = [adjusted_rand_score(a[both], b[both]) for a, b in pairs for both in [(a >= 0) & (b >= 0)]]
        curve[k] = float(np.mean(scores))
    return _best("stability", curve, "the partition that overlapping samples agree on best")


def by_merging(points: Points, lowest: int, highest: int, seed: int = 0, *, n_components: int = 50) -> Choice:
    """Merge many small Gaussians, and take the K whose clusters tell most about the points for their number.

    The value of K is the mutual information H(c) - H(c|z) of cluster and point over log K: 1 where clusters
    are of one size and do not overlap. The merging is that of ``init=merged``.
    """
    sample = _some(points, seed)
    n_components = max(highest, min(n_components, len(sample) // 10))
    mixture = mixture_of(sample, n_components, "full", n_init=1, seed=seed, reg_covar=1e-4)
    shares = mixture.predict_proba(sample)
    curve = {}
    for k in range(highest, lowest - 1, -1):
        shares = shares @ np.eye(k)[merge_components(shares, k)]
        curve[k] = mutual_information(shares) / float(np.log(max(k, 2)))
    curve = dict(sorted(curve.items()))
    return _best("merging", curve, "the merged Gaussians that tell most about the points for their number")


CRITERIA: dict[str, Callable[..., Choice]] = {
    "modes": by_modes,
    "bic": by_bic,
    "stability": by_stability,
    "merging": by_merging,
}


def _some(points: Points, seed: int) -> Points:
    if len(points) <= FITTED:
        return points
    return points[np.random.default_rng(seed).permutation(len(points))[:FITTED]]


def _best(criterion: str, curve: dict[int, float], reason: str) -> Choice:
    """Choose the K with the highest value; of equal ones the largest."""
    highest = max(curve.values())
    k = max(k for k, value in curve.items() if value >= highest - 1e-9)
    return Choice(k, criterion, curve, f"{reason} ({highest:.3g})", MEASURED[criterion])
