"""A Gaussian mixture with semi-tied covariances, by expectation-maximization.

Gales 1999, "Semi-tied covariance matrices for hidden Markov models": an invertible matrix A is learned
together with Gaussians that are diagonal in y = A z,

    p(z) = |det A| sum_c w_c N(A z; m_c, diag v_c)
"""

from math import pi
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

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


class Fit(NamedTuple):
    """A mixture and how well it fits."""

    likelihood: float
    """Mean log-likelihood of a code, in nats."""
    mixture: SemiTied
    converged: bool


def maximize_likelihood(
    codes: Array,
    responsibilities: Array,
    *,
    equal: bool,
    max_iter: int,
    reg_covar: float,
    axes: Array | None = None,
) -> Fit:
    """Fit a semi-tied mixture to codes ``(N, D)`` by expectation-maximization.

    It starts from responsibilities ``(N, K)`` and from axes ``(D, D)``, where none are given from those that
    whiten the components' mean covariance.
    """
    last = -np.inf
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
            return Fit(likelihood, mixture, True)
        last, responsibilities = likelihood, np.exp(joint - each[:, None])
    return Fit(likelihood, mixture, False)


def turn(axes: Array, counts: Array, covariances: Array) -> Array:
    """Move each axis in turn to where, given the others, the likelihood is highest (Gales 1999).

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
