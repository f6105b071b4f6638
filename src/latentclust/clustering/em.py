"""Gaussian mixtures by expectation-maximization in torch: scikit-learn's iterations, on any device.

Shapes: N points, D dimensions, K components. Everything is float64.
"""

from collections.abc import Iterable
from math import inf, log, pi
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import one_hot

# As in scikit-learn: an iteration that gains less log-likelihood, in nats per point, is the last.
TOLERANCE = 1e-3
# Restarts that differ by no more are one: rounding must not choose between them.
ROUNDING = 1e-10


class Gaussians(NamedTuple):
    """A mixture."""

    weights: Tensor
    """``(K,)``, sum 1."""
    means: Tensor
    """``(K, D)``."""
    covariances: Tensor
    """``(K, D, D)``, or their diagonals ``(K, D)``."""
    roots: Tensor
    """R with R R^T the inverse of a covariance ``(K, D, D)``, or one over the deviations ``(K, D)``."""


class Fit(NamedTuple):
    """A mixture and how well it fits."""

    likelihood: float
    """Mean log-likelihood of a point in nats, before the last step."""
    mixture: Gaussians
    n_iter: int
    converged: bool


def likeliest(
    points: Tensor,
    starts: Iterable[Tensor],
    n_components: int,
    covariance: str,
    *,
    reg_covar: float,
    max_iter: int,
) -> Fit:
    """Fit a mixture from each start, and return the likeliest; of equal ones the first.

    Parameters
    ----------
    points
        ``(N, D)``, on the device that computes.
    starts
        A cluster 0..K-1 for each point, int64 ``(N,)``.
    n_components
        K.
    covariance
        ``diag`` or ``full``.
    reg_covar
        Added to every variance.
    max_iter
        Limit of iterations from each start.

    Raises
    ------
    ValueError
        If a covariance has no inverse.
    """
    best: Fit | None = None
    for start in starts:
        fit = _climb(points, one_hot(start, n_components).to(points), covariance, reg_covar, max_iter)
        if best is None or fit.likelihood > best.likelihood + ROUNDING:
            best = fit
    assert best is not None
    return best


def _climb(points: Tensor, shares: Tensor, covariance: str, reg_covar: float, max_iter: int) -> Fit:
    mixture, likelihood = _maximized(points, shares, covariance, reg_covar), -inf
    for done in range(1, max_iter + 1):
        last = likelihood
        joint = log_joint(mixture, points)
        each = joint.logsumexp(dim=1, keepdim=True)
        mixture, likelihood = (
            _maximized(points, (joint - each).exp(), covariance, reg_covar),
            each.mean().item(),
        )
        if abs(likelihood - last) < TOLERANCE:
            return Fit(likelihood, mixture, done, True)
    return Fit(likelihood, mixture, max_iter, False)


def log_joint(mixture: Gaussians, points: Tensor) -> Tensor:
    """Compute log w_c N(x; m_c, S_c) of points ``(N, D)``, ``(N, K)``."""
    weights, means, _, roots = mixture
    if roots.dim() == 2:
        precisions = roots.square()
        squared = points.square() @ precisions.T - 2 * points @ (means * precisions).T
        squared += (means.square() * precisions).sum(dim=1)
        log_volumes = roots.log().sum(dim=1)
    else:
        # One component after the other: all at once would take K copies of the points.
        parts = [
            (points @ root - mean @ root).square().sum(dim=1) for mean, root in zip(means, roots, strict=True)
        ]
        squared = torch.stack(parts, dim=1)
        log_volumes = roots.diagonal(dim1=1, dim2=2).log().sum(dim=1)
    return weights.log() + log_volumes - 0.5 * (points.shape[1] * log(2 * pi) + squared)


def _maximized(points: Tensor, shares: Tensor, covariance: str, reg_covar: float) -> Gaussians:
    """Return the likeliest mixture given the components' shares in each point, ``(N, K)``."""
    counts = shares.sum(dim=0) + 10 * torch.finfo(points.dtype).eps
    means = shares.T @ points / counts[:, None]
    weights = counts / counts.sum()
    if covariance == "diag":
        variances = shares.T @ points.square() / counts[:, None] - means.square() + reg_covar
        if not (variances > 0).all():
            raise ValueError("a variance is not above 0: give a larger reg_covar, or fewer components")
        return Gaussians(weights, means, variances, variances.rsqrt())
    covariances = torch.empty(*means.shape, points.shape[1], dtype=points.dtype, device=points.device)
    for k, mean in enumerate(means):
        apart = points - mean
        covariances[k] = (apart * shares[:, k, None]).T @ apart / counts[k]
    covariances.diagonal(dim1=1, dim2=2).add_(reg_covar)
    lower, failed = torch.linalg.cholesky_ex(covariances)
    if failed.any():
        raise ValueError("a covariance has no inverse: give a larger reg_covar, or fewer components")
    unit = torch.eye(points.shape[1], dtype=points.dtype, device=points.device).expand_as(lower)
    roots = torch.linalg.solve_triangular(lower, unit, upper=False).mT.contiguous()
    return Gaussians(weights, means, covariances, roots)
