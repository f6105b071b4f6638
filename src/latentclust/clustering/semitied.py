"""Start from diagonal Gaussians in the axes in which they fit the codes best.

The axes of a latent space mean nothing: the encoder's last layer and the decoder's first are linear, so the
same autoencoder can have its codes in any axes. Diagonal Gaussians are not indifferent to them. A mixture
with semi-tied covariances (Gales 1999, "Semi-tied covariance matrices for hidden Markov models") learns an
invertible matrix A together with Gaussians that are diagonal in y = A z:

    p(z) = |det A| sum_c w_c N(A z; m_c, diag v_c)
"""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import logsumexp, softmax
from torch import Tensor

from latentclust import progress
from latentclust.clustering.base import CHUNK, Initialization, as_codes, as_mixture
from latentclust.clustering.scikit import kmeans_of
from latentclust.clustering.semitied_em import Array, Fit, maximize_likelihood, moments, whitening
from latentclust.clustering.split_merge import merge_and_split
from latentclust.errors import LatentclustError

# A merge and split that gains less log-likelihood, in nats per code, is the last.
LEAST_GAIN = 1e-4

# Merges and splits: pairs that are merged, iterations before the likeliest are chosen, how many then go on.
N_PAIRS = 4
TRIAL = 10
CHOSEN = 2


def fit_semitied(
    z: Tensor | NDArray[np.floating],
    n_clusters: int,
    *,
    n_init: int = 3,
    weights: str = "equal",
    max_iter: int = 300,
    max_codes: int = 20_000,
    reg_covar: float = 1e-6,
    seed: int = 0,
) -> Initialization:
    """Fit diagonal Gaussians and their common axes, and keep the likeliest of several restarts.

    Each restart goes from a k-means of the whitened codes to a maximum of the likelihood, by
    expectation-maximization, and on to higher ones by merging two components and splitting a third, until
    that gains nothing. All of them fit the same sample of the codes.

    Parameters
    ----------
    z
        Codes ``(N, D)``.
    n_clusters
        Components K, at most N.
    n_init
        Restarts.
    weights
        ``equal``: each component has the weight 1/K, so that nothing is gained where one takes two clusters
        and two others share the next; ``free``: they are fitted.
    max_iter
        Limit of iterations on the way to a maximum.
    max_codes
        So many codes are fitted at most.
    reg_covar
        Added to the variances of the codes, so that no component shrinks to a point.
    seed
        Of the sample and the restarts.

    Returns
    -------
    Initialization
        In ``axes`` of its own, each scaled to the mean variance of the codes' own ones. Its ``objective`` is
        the mean log-likelihood of a code.

    Raises
    ------
    LatentclustError
        If there are fewer codes than clusters, a code is not finite, or there are no such weights.
    """
    codes = as_codes(z, n_clusters)
    if n_init < 1:
        raise LatentclustError(f"the mixture could not be fitted to the codes: init.n_init is {n_init}")
    if weights not in ("equal", "free"):
        raise LatentclustError(f"init.weights is {weights!r}: choose equal or free")
    random = np.random.default_rng(seed)
    sample = codes[random.permutation(len(codes))[:max_codes]]
    _, _, (spread,) = moments(sample, np.ones((len(sample), 1)), reg_covar)
    whitened = sample @ whitening(spread).T
    climb = partial(maximize_likelihood, equal=weights == "equal", reg_covar=reg_covar)
    fits, seeds = [], random.integers(2**31, size=n_init).tolist()
    for seed_of_restart in progress.each(seeds, "restarts (semitied)"):
        start = _by_kmeans(whitened, n_clusters, int(seed_of_restart))
        fit = climb(sample, start, max_iter=max_iter)
        fits.append(climb_on(sample, fit, climb, max_iter=max_iter, seed=int(seed_of_restart)))
    _, mixture, converged = max(fits, key=lambda fit: fit.likelihood)
    parts = np.array_split(codes, -(-len(codes) // CHUNK))
    joint = np.concatenate([mixture.log_joint(part) for part in parts])
    scale = np.sqrt(spread.trace() / len(spread) / np.diag(mixture.axes @ spread @ mixture.axes.T))
    return Initialization(
        parameters=as_mixture(mixture.weights, mixture.means * scale, mixture.variances * scale**2),
        clusters=torch.from_numpy(joint.argmax(axis=1)),
        objective=float(logsumexp(joint, axis=1).mean()),
        converged=converged,
        axes=torch.from_numpy(mixture.axes * scale[:, None]).float(),
    )


def climb_on(codes: Array, fit: Fit, climb: Callable[..., Fit], *, max_iter: int, seed: int) -> Fit:
    """Merge two components and split a third, as long as the likelihood rises (Ueda et al. 2000).

    ``climb`` is :func:`maximize_likelihood` with its settings; the rest is as in :func:`fit_semitied`.
    """
    while True:
        _, (axes, _, means, variances), _ = fit
        changes = merge_and_split(
            codes @ axes.T,
            softmax(fit.mixture.log_joint(codes), axis=1),
            means,
            variances,
            n_pairs=N_PAIRS,
            seed=seed,
        )
        trials = [climb(codes, shares, axes=axes, max_iter=TRIAL) for shares in changes]
        trials.sort(key=lambda trial: trial.likelihood, reverse=True)
        others = [
            climb(
                codes,
                softmax(trial.mixture.log_joint(codes), axis=1),
                axes=trial.mixture.axes,
                max_iter=max_iter,
            )
            for trial in trials[:CHOSEN]
        ]
        best = max([fit, *others], key=lambda one: one.likelihood)
        if best.likelihood < fit.likelihood + LEAST_GAIN:
            return fit
        fit = best


def _by_kmeans(points: Array, n_clusters: int, seed: int) -> Array:
    assigned: Array = np.eye(n_clusters)[kmeans_of(points, n_clusters, n_init=1, seed=seed).labels_]
    return assigned
