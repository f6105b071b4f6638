"""What every initialization takes and gives."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentclust.clustering.on_device import computes
from latentclust.errors import LatentclustError
from latentclust.modules.mixture import MixtureParameters

# Codes that are fitted at most, and those that are given to their clusters at once.
LARGEST_FIT = 100_000
CHUNK = 50_000
# A component's variance is at least this share of the mean one.
LEAST_VARIANCE = 0.01


class Initialization(NamedTuple):
    """A mixture fitted to codes without their labels."""

    parameters: MixtureParameters
    """float32, on the CPU."""
    clusters: Tensor
    """The component of each code ``(N,)``, int64, on the CPU."""
    objective: float
    """What the restarts compete by: higher is better, comparable within one method only."""
    converged: bool
    """Whether the best restart stopped before its limit of iterations."""
    axes: Tensor | None = None
    """``(D, D)``, float32: the parameters are for the codes ``axes @ z``. None: for the codes as they are."""


def as_codes(z: Tensor | NDArray[np.floating], n_clusters: int) -> NDArray[np.float64]:
    """Check codes ``(N, D)`` and convert them to float64 on the CPU.

    Raises
    ------
    LatentclustError
        If ``n_clusters`` is below 1 or above N, or a code is not finite.
    """
    codes: NDArray[np.float64] = torch.as_tensor(z).detach().cpu().double().numpy()
    if not 1 <= n_clusters <= len(codes):
        raise LatentclustError(
            f"n_clusters is {n_clusters}, but there are {len(codes)} codes: choose 1 to that many"
        )
    if not np.isfinite(codes).all():
        raise LatentclustError(
            "some codes are not finite, so no mixture can be fitted: pretrain with a lower learning rate"
        )
    return codes


def device_of(z: Tensor | NDArray[np.floating]) -> torch.device:
    """Return where something is fitted to codes: where they lie, or on the CPU."""
    return z.device if isinstance(z, Tensor) and computes(z) else torch.device("cpu")


def from_partition(
    codes: NDArray[np.float64],
    clusters: NDArray[np.integer],
    n_clusters: int,
    *,
    reg_covar: float,
    objective: float,
    converged: bool,
) -> Initialization:
    """Give each cluster of a partition its share, mean and variances as a component.

    Parameters
    ----------
    codes
        ``(N, D)``.
    clusters
        The cluster of each code ``(N,)``, 0..K-1.
    n_clusters
        K. An empty cluster counts as one code at the origin of the codes' mean, for its weight must not be 0.
    reg_covar
        Added to every variance, so that a cluster of equal codes has one.
    objective, converged
        As in :class:`Initialization`; an empty cluster makes ``converged`` false.
    """
    counts = np.bincount(clusters, minlength=n_clusters)
    means = np.tile(codes.mean(axis=0), (n_clusters, 1))
    variances = np.full_like(means, reg_covar)
    for cluster in np.flatnonzero(counts):
        members = codes[clusters == cluster]
        means[cluster] = members.mean(axis=0)
        variances[cluster] += members.var(axis=0)
    weights = np.maximum(counts, 1.0)
    return Initialization(
        parameters=as_mixture(weights / weights.sum(), means, variances),
        clusters=torch.from_numpy(clusters).long(),
        objective=objective,
        converged=converged and bool(counts.all()),
    )


def in_given_axes(fitted: Initialization, z: Tensor | NDArray[np.floating]) -> Initialization:
    """Give the clusters of a mixture with other axes components of the codes ``(N, D)`` as they are."""
    n_clusters = len(fitted.parameters.weights)
    return from_partition(
        as_codes(z, n_clusters),
        fitted.clusters.numpy(),
        n_clusters,
        reg_covar=1e-6,
        objective=fitted.objective,
        converged=fitted.converged,
    )


def some_of(codes: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """Return the codes ``(N, D)``, or a uniform sample of 100,000 if there are more."""
    if len(codes) <= LARGEST_FIT:
        return codes
    return codes[np.random.default_rng(seed).permutation(len(codes))[:LARGEST_FIT]]


def as_mixture(
    weights: NDArray[np.float64], means: NDArray[np.float64], variances: NDArray[np.float64]
) -> MixtureParameters:
    """Convert weights ``(K,)``, means and variances ``(K, D)`` to float32 tensors.

    No variance is less than a hundredth of the components' mean one in its dimension. A cluster of one code,
    or of equal ones, has none of its own, and the KL term of its codes would drown all others. Speech
    recognizers floor their mixtures so (Young et al., The HTK Book, HCompV).
    """
    variances = np.maximum(variances, LEAST_VARIANCE * (weights @ variances))
    return MixtureParameters(*(torch.from_numpy(value).float() for value in (weights, means, variances)))
