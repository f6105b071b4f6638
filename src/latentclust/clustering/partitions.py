"""Partitions of points as they are, without a network: k-means, Gaussian mixtures, spectral clustering.

scikit-learn does the work. Shapes: N points, D dimensions, K clusters.
"""

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components
from sklearn.manifold import spectral_embedding
from sklearn.neighbors import kneighbors_graph

from latentclust.clustering.scikit import kmeans_of, mixture_of
from latentclust.errors import LatentclustError

Floats = NDArray[np.floating]
Integers = NDArray[np.integer]
Predict = Callable[[Floats], NDArray[np.int64]]

# Points whose neighbor graph spectral clustering can still factorize: its memory grows with their square.
LARGEST_GRAPH = 10_000
# Multiplications of one iteration of a mixture with full covariances, N K D^2: about 10 seconds.
LARGEST_FULL_STEP = 5e10
FAILURE = "the inputs could not be partitioned"
# Points given to their clusters at once.
CHUNK = 8192


class Judged(NamedTuple):
    """What a method says of M points."""

    scores: Floats
    """How well each cluster fits ``(M, K)``, higher is better: probabilities, or minus the distances."""
    bounds: Floats
    """How well the point is explained at all ``(M,)``: its log-likelihood, or minus the least distance."""


class Partition(NamedTuple):
    """Points given to clusters, without their labels."""

    clusters: NDArray[np.int64]
    """The cluster of each point ``(N,)``, 0..K-1."""
    objective: float
    """What the restarts compete by, a mean over the points: lower is better, comparable within one method."""
    predict: Predict | None
    """Gives further points ``(M, D)`` to their clusters ``(M,)``; None where the method cannot."""
    features: NDArray[np.float64] | None = None
    """Where k-means really ran, if not on the points themselves: ``(N, F)``, F >= K."""
    parts: int = 1
    """Pieces of a neighbor graph that nothing connects."""
    means: Floats | None = None
    """Of the clusters ``(K, D)``, where the method has any."""
    covariances: NDArray[np.float64] | None = None
    """Of a mixture's components ``(K, D, D)``, or their diagonals ``(K, D)``."""
    judge: Callable[[Floats], Judged] | None = None
    """Says of points ``(M, D)`` how well they fit; None where the method cannot."""
    bound_name: str = ""
    """What its bounds are: ``log_likelihood``, with probabilities as scores, or ``minus_distance``."""


def kmeans(points: Floats, n_clusters: int, *, n_init: int = 10, seed: int = 0) -> Partition:
    """Partition points ``(N, D)`` by k-means; the restart with the least inertia is kept.

    Its ``objective`` is the mean squared distance of a point from its cluster's mean.
    """
    fitted = kmeans_of(points, n_clusters, n_init=n_init, seed=seed, failure=FAILURE)
    return Partition(
        fitted.labels_.astype(np.int64),
        float(fitted.inertia_) / len(points),
        _in_chunks(fitted.predict),
        means=fitted.cluster_centers_,
        judge=lambda more: _by_distance(-fitted.transform(more)),
        bound_name="minus_distance",
    )


def gmm(
    points: Floats,
    n_clusters: int,
    *,
    n_init: int = 5,
    covariance: str = "full",
    reg_covar: float = 1e-6,
    seed: int = 0,
) -> Partition:
    """Partition points ``(N, D)`` by a Gaussian mixture; the likeliest restart is kept.

    Parameters
    ----------
    points, n_clusters, n_init, seed
        As for :func:`kmeans`; each restart begins with a k-means of its own.
    covariance
        ``diag``: axes of the ellipsoids parallel to the coordinates; ``full``: of any direction.
    reg_covar
        Added to every variance.

    Returns
    -------
    Partition
        Its ``objective`` is minus the mean log-likelihood of a point.

    Raises
    ------
    LatentclustError
        If full covariances would take too long.
    """
    n, dims = points.shape
    if covariance == "full" and n * n_clusters * dims**2 > LARGEST_FULL_STEP:
        raise LatentclustError(
            f"full covariances of {n:,} inputs in {dims:,} dimensions would take hours: choose "
            "model.covariance=diag, or fewer inputs with data.limit or data.n"
        )
    # In float32, variances of nearly constant coordinates would drown in rounding.
    points = points.astype(np.float64)
    fitted = mixture_of(
        points,
        n_clusters,
        covariance,
        n_init=n_init,
        seed=seed,
        reg_covar=reg_covar,
        max_iter=100,
        failure=FAILURE,
    )
    predict = _in_chunks(fitted.predict)
    return Partition(
        predict(points),
        -float(fitted.score(points)),
        predict,
        means=fitted.means_,
        covariances=fitted.covariances_,
        judge=lambda more: Judged(
            fitted.predict_proba(more.astype(np.float64)), fitted.score_samples(more.astype(np.float64))
        ),
        bound_name="log_likelihood",
    )


def spectral(
    points: Floats, n_clusters: int, *, n_neighbors: int = 10, n_init: int = 10, seed: int = 0
) -> Partition:
    """Partition points ``(N, D)`` by k-means in the feature space that their neighbor graph spans.

    The features are the eigenvectors of the graph's normalized Laplacian with the smallest eigenvalues
    (Shi and Malik 2000; von Luxburg 2007, *A tutorial on spectral clustering*). Points that a
    chain of neighbors connects lie close together there, however the chain winds.

    Parameters
    ----------
    points, n_clusters, n_init, seed
        As for :func:`kmeans`.
    n_neighbors
        Of each point in the graph, itself included; at least 2.

    Returns
    -------
    Partition
        ``features`` has max(K, 3) eigenvectors; k-means ran on the first K. Of a connected graph the first
        one is constant; of a graph in P parts the first P are constant on each part. ``objective`` is the
        mean squared distance from the cluster's mean in the features.

    Raises
    ------
    LatentclustError
        If there are too many points, or no more than neighbors.
    """
    n = len(points)
    if n > LARGEST_GRAPH:
        raise LatentclustError(
            f"the neighbor graph of {n:,} inputs is too large for spectral clustering: give at most "
            f"{LARGEST_GRAPH:,} with data.limit or data.n"
        )
    n_features = max(n_clusters, 3)
    if n <= max(n_neighbors, n_features):
        raise LatentclustError(
            f"spectral clustering with model.n_neighbors={n_neighbors} and n_clusters={n_clusters} needs "
            f"more than {max(n_neighbors, n_features)} inputs, not {n}"
        )
    graph = kneighbors_graph(points, n_neighbors, include_self=True)
    graph = (graph + graph.T) / 2
    with warnings.catch_warnings():
        # Parts without a connection are what the method looks for, not a mistake.
        warnings.filterwarnings("ignore", message="Graph is not fully connected")
        features = spectral_embedding(graph, n_components=n_features, drop_first=False, random_state=seed)
    found = kmeans(features[:, :n_clusters], n_clusters, n_init=n_init, seed=seed)
    parts, _ = connected_components(graph, directed=False)
    return found._replace(predict=None, features=features, parts=int(parts), means=None, judge=None)


PARTITIONS: dict[str, Callable[..., Partition]] = {"kmeans": kmeans, "gmm": gmm, "spectral": spectral}


def partition(name: str, points: Floats, n_clusters: int, *, seed: int = 0, **options: Any) -> Partition:
    """Partition points ``(N, D)`` into ``n_clusters`` by one of the :data:`PARTITIONS`.

    ``options`` are the keyword arguments of the function with that name.

    Raises
    ------
    LatentclustError
        If there is no such method, there are fewer points than clusters, or the method cannot part them.
    """
    if name not in PARTITIONS:
        raise LatentclustError(f"model.name is {name!r}: choose one of {', '.join(PARTITIONS)}")
    if not 1 <= n_clusters <= len(points):
        raise LatentclustError(
            f"n_clusters is {n_clusters}, but there are only {len(points)} inputs: choose fewer"
        )
    return PARTITIONS[name](points, n_clusters, seed=seed, **options)


def _by_distance(scores: Floats) -> Judged:
    """Judge by minus the distances from the means, ``(M, K)``."""
    return Judged(scores, scores.max(axis=1))


def _in_chunks(predict: Callable[[Floats], Integers]) -> Predict:
    """Let a method predict in parts, so that memory does not grow with the number of points."""

    def whole(points: Floats) -> NDArray[np.int64]:
        parts = np.array_split(points, max(1, -(-len(points) // CHUNK)))
        return np.concatenate([predict(part) for part in parts]).astype(np.int64)

    return whole
