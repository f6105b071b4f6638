"""The number of clusters K, chosen without labels: criteria on points, each with its value for every K.

docs/number_of_clusters.md compares them.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score

from latentclust.clustering.manifold import FEWEST_TO_UNROLL, embed
from latentclust.clustering.merged import merge_components, mutual_information
from latentclust.clustering.modes import mode_prominences
from latentclust.clustering.neighbors import Neighbors, nearest
from latentclust.clustering.scikit import kmeans_of, mixture_of
from latentclust.errors import LatentclustError

Points = NDArray[np.floating]

# A cluster's peak is at least this many times as dense as the valley that parts it from a denser one.
VALLEY = 6.0
# Neighbors whose distances make a density, at least, and as a share of the points: a group that is smaller
# makes no peak.
FEWEST_NEIGHBORS, SHARE = 15, 0.01
# Points of at most this many dimensions are taken as they are: in more, density says little. Others are laid
# out in a plane by their nearest neighbors, and the density is smoother than the layout's graph.
PLAIN_DIMS, LAID_OUT_BY = 10, 15
N_EPOCHS = 50
# Inputs among which K is chosen at most.
SAMPLE = 10_000
# Points that a criterion which fits something to them takes at most.
FITTED = 4000


MEASURED = {
    "bic": "-BIC / N",
    "stability": "adjusted Rand index between samples",
    "merging": "mutual information / log K",
}


class Choice(NamedTuple):
    """A number of clusters, and why."""

    n_clusters: int
    """K."""
    criterion: str
    """What chose it."""
    curve: Mapping[int, float]
    """The criterion's value for each K of the range."""
    reason: str
    """In one line, for people."""
    measured: str
    """What the curve's values are."""
    threshold: float | None = None
    """The value that a K must reach, for a criterion that has one."""


class Space(NamedTuple):
    """Where K is chosen."""

    points: NDArray[np.float64]
    """``(N, D)``."""
    n_neighbors: int
    """Whose distances make the density, at least."""
    name: str
    """What it is called in a sentence."""


def space_of(
    points: Points, seed: int, neighbors: Neighbors | None = None, name: str = "the inputs"
) -> Space:
    """Return points ``(N, D)`` as they are, or laid out in a plane by their nearest neighbors.

    Parameters
    ----------
    points
        ``(N, D)``. Of more than 10 dimensions, or with neighbors, they are laid out by UMAP.
    seed
        Of the layout.
    neighbors
        Those to lay out by, each point itself among them; None: the nearest, by Euclidean distance.
    name
        What the points are called.
    """
    seen: NDArray[np.float64] = np.asarray(points, dtype=np.float64)
    if len(seen) < FEWEST_TO_UNROLL or (neighbors is None and seen.shape[1] <= PLAIN_DIMS):
        return Space(seen, FEWEST_NEIGHBORS, name)
    if neighbors is None:
        neighbors = nearest(seen, min(LAID_OUT_BY, len(seen) - 1))
    dims = min(2, max(1, len(seen) // 2 - 1))
    laid_out = embed(seen, neighbors, dims, N_EPOCHS, seed)
    return Space(laid_out, 2 * LAID_OUT_BY, f"the neighbor plane of {name}")


def by_modes(
    points: Points, lowest: int, highest: int, seed: int = 0, *, n_neighbors: int = FEWEST_NEIGHBORS
) -> Choice:
    """Count the modes of the points' density that valleys at most a sixth as dense part from denser ones.

    The value of K is the prominence of the K-th mode in nats; see
    :func:`~latentclust.clustering.modes.mode_prominences`.

    Parameters
    ----------
    points
        ``(N, D)``.
    lowest, highest
        The range of K.
    seed
        Not used: nothing is drawn.
    n_neighbors
        Of each point, that make its density: as many at least, and at least 1 % of the points.
    """
    heights = mode_prominences(points, max(n_neighbors, round(SHARE * len(points))))
    padded = np.zeros(highest + 1)
    padded[: len(heights)] = heights[: highest + 1]
    found = int((heights > np.log(VALLEY)).sum())
    chosen = min(max(found, lowest), highest)
    reason = (
        f"{found} {'mode' if found == 1 else 'modes'} of the density, each at least {VALLEY:g} times as "
        "dense as the valley to a denser one"
    )
    if found > 1:
        reason += f" (the weakest {_times(heights[found - 1])}"
        reason += f", the next would be {_times(heights[found])})" if len(heights) > found else ")"
    if chosen != found:
        reason += f"; n_clusters_range allows {lowest} to {highest}"
    curve = {k: float(padded[k - 1]) for k in range(lowest, highest + 1)}
    measured = "log(peak / valley) of the K-th mode"
    return Choice(chosen, "modes", curve, reason, measured, float(np.log(VALLEY)))


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


def require_range(n: int, lowest: int, highest: int) -> tuple[int, int]:
    """Cut a range of K to what N points can have.

    Raises
    ------
    LatentclustError
        If they are fewer than the lowest K.
    """
    if n < max(lowest, 2):
        raise LatentclustError(
            f"n_clusters_range begins at {lowest}, but there are only {n} inputs: give more, or n_clusters=1"
        )
    return lowest, min(highest, n)


def _some(points: Points, seed: int) -> Points:
    if len(points) <= FITTED:
        return points
    return points[np.random.default_rng(seed).permutation(len(points))[:FITTED]]


def _best(criterion: str, curve: dict[int, float], reason: str) -> Choice:
    """Choose the K with the highest value; of equal ones the largest."""
    highest = max(curve.values())
    k = max(k for k, value in curve.items() if value >= highest - 1e-9)
    return Choice(k, criterion, curve, f"{reason} ({highest:.3g})", MEASURED[criterion])


def _times(prominence: float) -> str:
    """Write a prominence in nats as a ratio.

    >>> _times(2.302585)
    '10 times'
    """
    return f"{np.exp(min(prominence, 20.0)):,.2g} times" if prominence < 7 else "over 1,000 times"
