"""The number of clusters K, chosen without labels: the modes of the density of points.

docs/number_of_clusters.md compares it with other criteria.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from latentclust.clustering.manifold import FEWEST_TO_UNROLL, embed
from latentclust.clustering.modes import mode_prominences
from latentclust.clustering.neighbors import Neighbors, nearest
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


def _times(prominence: float) -> str:
    """Write a prominence in nats as a ratio.

    >>> _times(2.302585)
    '10 times'
    """
    return f"{np.exp(min(prominence, 20.0)):,.2g} times" if prominence < 7 else "over 1,000 times"
