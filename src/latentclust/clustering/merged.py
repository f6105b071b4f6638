"""Start from many small Gaussians, merged into clusters where they overlap."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy
from torch import Tensor

from latentclust import progress
from latentclust.clustering.base import CHUNK, Initialization, as_codes, device_of, from_partition
from latentclust.clustering.scikit import mixture_of
from latentclust.errors import LatentclustError


def fit_merged(
    z: Tensor | NDArray[np.floating],
    n_clusters: int,
    *,
    n_components: int = 50,
    n_init: int = 8,
    max_codes: int = 20_000,
    reg_covar: float = 1e-6,
    seed: int = 0,
) -> Initialization:
    """Fit more full Gaussians than there are clusters, and merge those that overlap most until K are left.

    A cluster of any shape is a chain of overlapping Gaussians (Baudry et al. 2010, "Combining mixture
    components for clustering"). Each restart fits its own sample of the codes. The one whose clusters tell
    most about the codes is kept: by their mutual information, which is low where clusters overlap, and also
    where one has swallowed another (Krause et al. 2010, "Discriminative clustering by regularized information
    maximization").

    Parameters
    ----------
    z
        Codes ``(N, D)``.
    n_clusters
        Components K that are left, at most N.
    n_components
        Gaussians before merging; at least K are taken, and at most one for ten codes beyond K.
    n_init
        Restarts.
    max_codes
        Codes that a restart is fitted to, at most.
    reg_covar
        Added to every variance.
    seed
        Of the samples and the restarts.

    Returns
    -------
    Initialization
        Its ``objective`` is the mutual information of code and cluster in nats, from 0 to log K.

    Raises
    ------
    LatentclustError
        If there are fewer codes than clusters, a code is not finite, or scikit-learn cannot fit them.
    """
    codes = as_codes(z, n_clusters)
    if n_init < 1:
        raise LatentclustError(f"the mixture could not be fitted to the codes: init.n_init is {n_init}")
    n_components = max(n_clusters, min(n_components, len(codes) // 10))
    random = np.random.default_rng(seed)
    best: tuple[float, NDArray[np.int64], bool] | None = None
    for _ in progress.each(range(n_init), "restarts (merged)"):
        sample = random.permutation(len(codes))[:max_codes]
        mixture = mixture_of(
            codes[sample],
            n_components,
            "full",
            n_init=1,
            seed=int(random.integers(2**31)),
            reg_covar=1e-4,
            device=device_of(z),
        )
        group = merge_components(mixture.predict_proba(codes[sample]), n_clusters)
        of_group = np.eye(n_clusters)[group]
        parts = np.array_split(codes, -(-len(codes) // CHUNK))
        shares = np.concatenate([mixture.predict_proba(part) @ of_group for part in parts])
        information = mutual_information(shares)
        if best is None or information > best[0]:
            best = information, shares.argmax(axis=1), bool(mixture.converged_)
    assert best is not None
    information, clusters, converged = best
    return from_partition(
        codes, clusters, n_clusters, reg_covar=reg_covar, objective=information, converged=converged
    )


def merge_components(responsibilities: NDArray[np.float64], n_clusters: int) -> NDArray[np.int64]:
    """Merge the components of a mixture, two at a time, until ``n_clusters`` are left.

    The pair is merged whose union lowers the entropy of the responsibilities, -sum_n sum_k r_nk log r_nk,
    most, measured by the codes of the smaller one: without that, small components would be left for last.

    Parameters
    ----------
    responsibilities
        ``(N, M)``, rows with sum 1.
    n_clusters
        K, at most M.

    Returns
    -------
    NDArray[np.int64]
        The cluster 0..K-1 of each component ``(M,)``.
    """
    shares = responsibilities.copy()
    groups = [[component] for component in range(shares.shape[1])]
    while len(groups) > n_clusters:
        entropy = xlogy(shares, shares).sum(axis=0)
        sizes = shares.sum(axis=0)
        best, pair = -np.inf, (0, 1)
        for i in range(len(groups)):
            union = shares[:, i, None] + shares[:, i + 1 :]
            drop = xlogy(union, union).sum(axis=0) - entropy[i] - entropy[i + 1 :]
            gain = drop / np.maximum(np.minimum(sizes[i], sizes[i + 1 :]), np.finfo(float).tiny)
            if len(gain) and gain.max() > best:
                best, pair = gain.max(), (i, i + 1 + int(gain.argmax()))
        i, j = pair
        shares[:, i] += shares[:, j]
        shares = np.delete(shares, j, axis=1)
        groups[i] += groups.pop(j)
    cluster = np.empty(responsibilities.shape[1], dtype=np.int64)
    for number, group in enumerate(groups):
        cluster[group] = number
    return cluster


def mutual_information(shares: NDArray[np.float64]) -> float:
    """Compute H(c) - H(c|n) in nats between codes and clusters, from the responsibilities ``(N, K)``."""
    sizes = shares.mean(axis=0)
    return float(xlogy(shares, shares).sum(axis=1).mean() - xlogy(sizes, sizes).sum())
