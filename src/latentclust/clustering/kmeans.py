"""Start from k-means: one component for each of its clusters."""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from latentclust.clustering.base import Initialization, as_codes, from_partition
from latentclust.clustering.scikit import kmeans_of


def fit_kmeans(
    z: Tensor | NDArray[np.floating],
    n_clusters: int,
    *,
    n_init: int = 10,
    max_iter: int = 200,
    reg_covar: float = 1e-6,
    seed: int = 0,
) -> Initialization:
    """Run k-means and give each cluster its share, mean and variances as a component.

    Parameters
    ----------
    z
        Codes ``(N, D)``.
    n_clusters
        Components K, at most N.
    n_init
        Restarts, of which the one with the least inertia is kept.
    max_iter
        Limit of iterations of each restart.
    reg_covar
        Added to every variance, so that a cluster of equal codes has one.
    seed
        Of the restarts.

    Returns
    -------
    Initialization
        Its ``objective`` is minus the mean squared distance of a code from its center. Where there are
        fewer distinct codes than clusters, ``converged`` is ``False``, and an empty cluster counts as one
        code for its weight, which must not be 0.

    Raises
    ------
    LatentclustError
        If there are fewer codes than clusters, a code is not finite, or scikit-learn cannot fit them.
    """
    codes = as_codes(z, n_clusters)
    kmeans = kmeans_of(codes, n_clusters, n_init=n_init, seed=seed, max_iter=max_iter)
    return from_partition(
        codes,
        kmeans.labels_,
        n_clusters,
        reg_covar=reg_covar,
        objective=-float(kmeans.inertia_) / len(codes),
        converged=kmeans.n_iter_ < max_iter,
    )
