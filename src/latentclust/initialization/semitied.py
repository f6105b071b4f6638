"""Start from diagonal Gaussians in the axes in which they fit the codes best.

The axes of a latent space mean nothing: the encoder's last layer and the decoder's first are linear, so the
same autoencoder can have its codes in any axes. Diagonal Gaussians are not indifferent to them. A mixture
with semi-tied covariances (Gales 1999, "Semi-tied covariance matrices for hidden Markov models") learns an
invertible matrix A together with Gaussians that are diagonal in y = A z:

    p(z) = |det A| sum_c w_c N(A z; m_c, diag v_c)
"""

import warnings
from math import pi
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import logsumexp
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from torch import Tensor

from latentclust.errors import LatentclustError
from latentclust.initialization.base import CHUNK, Initialization, as_codes, as_mixture

Array = NDArray[np.float64]

# An iteration that gains less log-likelihood, in nats per code, is the last.
TOLERANCE = 1e-5


class SemiTied(NamedTuple):
    """A Gaussian mixture with semi-tied covariances."""

    axes: Array
    """A ``(D, D)``, invertible."""
    weights: Array
    """``(K,)``, sum 1."""
    means: Array
    """Of A z, ``(K, D)``."""
    variances: Array
    """Of A z, ``(K, D)``, positive."""

    def log_joint(self, codes: Array) -> Array:
        """Compute log p(z, c), ``(N, K)``, of codes ``(N, D)``."""
        y, precisions = codes @ self.axes.T, 1 / self.variances
        squared = y**2 @ precisions.T - 2 * y @ (self.means * precisions).T
        squared += (self.means**2 * precisions).sum(axis=1)
        log_volume = np.linalg.slogdet(self.axes)[1]
        joint: Array = (
            np.log(self.weights) + log_volume - 0.5 * (np.log(2 * pi * self.variances).sum(axis=1) + squared)
        )
        return joint


def fit_semitied(
    z: Tensor | NDArray[np.floating],
    n_clusters: int,
    *,
    n_init: int = 10,
    weights: str = "equal",
    max_iter: int = 300,
    max_codes: int = 20_000,
    reg_covar: float = 1e-6,
    seed: int = 0,
) -> Initialization:
    """Fit diagonal Gaussians and their common axes, and keep the likeliest of several restarts.

    Each restart goes from a k-means of the whitened codes to a maximum of the likelihood, by
    expectation-maximization. All of them fit the same sample of the codes.

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
        Limit of iterations of each restart.
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
    best: tuple[float, SemiTied, bool] | None = None
    for _ in range(n_init):
        start = _by_kmeans(whitened, n_clusters, int(random.integers(2**31)))
        fitted = maximize_likelihood(
            sample, start, equal=weights == "equal", max_iter=max_iter, reg_covar=reg_covar
        )
        if best is None or fitted[0] > best[0]:
            best = fitted
    assert best is not None
    _, mixture, converged = best
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


def maximize_likelihood(
    codes: Array, responsibilities: Array, *, equal: bool, max_iter: int, reg_covar: float
) -> tuple[float, SemiTied, bool]:
    """Fit a semi-tied mixture to codes ``(N, D)``, from responsibilities ``(N, K)``.

    Expectation-maximization returns the mean log-likelihood of a code, the mixture, and whether it converged.
    """
    axes, last = None, -np.inf
    for _ in range(max_iter):
        counts, means, covariances = moments(codes, responsibilities, reg_covar)
        if axes is None:
            axes = whitening(np.average(covariances, axis=0, weights=counts))
        axes = turn(axes, counts, covariances)
        shares = np.full(len(counts), 1 / len(counts)) if equal else counts / counts.sum()
        mixture = SemiTied(axes, shares, means @ axes.T, _variances(axes, covariances))
        joint = mixture.log_joint(codes)
        each = logsumexp(joint, axis=1)
        likelihood = float(each.mean())
        if likelihood - last < TOLERANCE:
            return likelihood, mixture, True
        last, responsibilities = likelihood, np.exp(joint - each[:, None])
    return likelihood, mixture, False


def turn(axes: Array, counts: Array, covariances: Array) -> Array:
    """Move each axis in turn to where, given the others, the likelihood is highest (Gales 1999, section 2.2).

    Parameters
    ----------
    axes
        A ``(D, D)``, a row for each axis.
    counts, covariances
        Codes of each component ``(K,)`` and their covariance ``(K, D, D)``.

    Returns
    -------
    Array
        A that is no worse in log |det A| - 1/2 sum_k share_k sum_d log (A W_k A^T)_dd.
    """
    axes = axes.copy()
    for d in range(len(axes)):
        inverse_variances = counts / np.einsum("i,kij,j->k", axes[d], covariances, axes[d])
        weighted = np.einsum("k,kij->ij", inverse_variances, covariances)
        # The cofactors of this row, but for a factor that the next line takes out.
        cofactors = np.linalg.inv(axes)[:, d]
        row = np.linalg.solve(weighted, cofactors)
        axes[d] = row * np.sqrt(counts.sum() / (cofactors @ row))
    return axes


def moments(codes: Array, responsibilities: Array, reg_covar: float) -> tuple[Array, Array, Array]:
    """Compute each component's count ``(K,)``, mean ``(K, D)`` and covariance ``(K, D, D)``.

    A component without codes gets the count of a tiny part of one.
    """
    counts = responsibilities.sum(axis=0) + 10 * np.finfo(float).eps
    means = responsibilities.T @ codes / counts[:, None]
    covariances = np.empty((len(counts), codes.shape[1], codes.shape[1]))
    for k, mean in enumerate(means):
        apart = codes - mean
        covariances[k] = (apart * responsibilities[:, k, None]).T @ apart / counts[k]
    return counts, means, covariances + reg_covar * np.eye(codes.shape[1])


def whitening(covariance: Array) -> Array:
    """Return the axes ``(D, D)`` in which points with this covariance have the identity as theirs."""
    values, vectors = np.linalg.eigh(covariance)
    axes: Array = (vectors / np.sqrt(values)).T
    return axes


def _variances(axes: Array, covariances: Array) -> Array:
    variances: Array = np.einsum("di,kij,dj->kd", axes, covariances, axes)
    return variances


def _by_kmeans(points: Array, n_clusters: int, seed: int) -> Array:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct points than clusters
        labels = KMeans(n_clusters, n_init=1, random_state=seed).fit_predict(points)
    assigned: Array = np.eye(n_clusters)[labels]
    return assigned
