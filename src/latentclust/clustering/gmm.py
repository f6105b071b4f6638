"""Start from a Gaussian mixture fitted by expectation-maximization, as VaDE's authors do."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentclust.clustering.base import CHUNK, Initialization, as_codes, as_mixture, device_of, some_of
from latentclust.clustering.scikit import mixture_of


def fit_gmm(
    z: Tensor | NDArray[np.floating],
    n_clusters: int,
    *,
    n_init: int = 10,
    max_iter: int = 200,
    reg_covar: float = 1e-6,
    seed: int = 0,
) -> Initialization:
    """Fit a diagonal Gaussian mixture and keep the likeliest of several restarts.

    Of more than 100,000 codes a sample is fitted, so that time and memory stop growing there.

    Parameters
    ----------
    z
        Codes ``(N, D)``.
    n_clusters
        Components K, at most N.
    n_init
        Restarts, each from its own k-means.
    max_iter
        Limit of iterations of each restart.
    reg_covar
        Added to every variance, so that no component shrinks to a point.
    seed
        Of the restarts.

    Returns
    -------
    Initialization
        Its ``objective`` is the mean log-likelihood of a code. A fit that ran out of iterations is
        returned with ``converged=False``.

    Raises
    ------
    LatentclustError
        If there are fewer codes than clusters, a code is not finite, or scikit-learn cannot fit them.
    """
    codes = as_codes(z, n_clusters)
    mixture = mixture_of(
        some_of(codes, seed),
        n_clusters,
        "diag",
        n_init=n_init,
        seed=seed,
        reg_covar=reg_covar,
        max_iter=max_iter,
        device=device_of(z),
    )
    parts = np.array_split(codes, -(-len(codes) // CHUNK))
    log_likelihood = sum(mixture.score_samples(part).sum() for part in parts)
    return Initialization(
        parameters=as_mixture(mixture.weights_, mixture.means_, mixture.covariances_),
        clusters=torch.from_numpy(np.concatenate([mixture.predict(part) for part in parts])).long(),
        objective=float(log_likelihood / len(codes)),
        converged=bool(mixture.converged_),
    )
