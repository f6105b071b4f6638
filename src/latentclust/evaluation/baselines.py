"""Clusterings to compare a model's with: k-means and a Gaussian mixture on its codes, k-means on pixels."""

import numpy as np
import torch
from torch import Tensor

from latentclust.clustering import Initialization, fit
from latentclust.clustering.scikit import kmeans_of
from latentclust.data.mapped import InputRows, parts
from latentclust.modules.mixture import GaussianMixturePrior

CODE_METHODS = ("kmeans", "gmm")
# Of what a finished model is compared with.
RESTARTS = 5

# Inputs that k-means is fitted to at most, and those that it is applied to at once.
LARGEST_FIT = 70_000
CHUNK = 8192


def cluster_codes(
    method: str, pool: Tensor, test: Tensor | None, n_clusters: int, *, seed: int, n_init: int
) -> tuple[Tensor, Tensor | None]:
    """Cluster the pool's codes, and give the test codes to the clusters found.

    Parameters
    ----------
    method
        One of :data:`CODE_METHODS`.
    pool, test
        Codes ``(N, D)`` and ``(N_test, D)``.
    n_clusters
        K, at most N.
    seed, n_init
        Of the restarts.

    Returns
    -------
    tuple[Tensor, Tensor | None]
        Clusters ``(N,)`` and ``(N_test,)``, int64, on the CPU.

    Raises
    ------
    LatentclustError
        If there are fewer codes than clusters, or a code is not finite.
    """
    fitted = fit(method, pool, n_clusters, seed=seed, n_init=n_init)
    return fitted.clusters, None if test is None else nearest_component(method, fitted, test.cpu().float())


def nearest_component(method: str, fitted: Initialization, codes: Tensor) -> Tensor:
    """Give codes ``(N, D)`` to the nearest mean (k-means) or the likeliest component (any other method)."""
    if method == "kmeans":
        return torch.cdist(codes, fitted.parameters.means).argmin(dim=-1)
    mixture = GaussianMixturePrior(*fitted.parameters.means.shape)
    mixture.set_parameters(fitted.parameters)
    with torch.no_grad():
        return mixture.log_joint(codes).argmax(dim=-1)


def cluster_pixels(
    pool: InputRows, test: InputRows | None, n_clusters: int, *, seed: int, n_init: int = 1
) -> tuple[Tensor, Tensor | None]:
    """Run k-means on the pixels of uint8 images ``(N, C, H, W)``, or on vectors ``(N, P)``.

    As :func:`cluster_codes` otherwise. Of more than 70,000 inputs a sample of that many is fitted: as floats,
    all of them might not fit in memory.
    """
    order = torch.randperm(len(pool), generator=torch.Generator().manual_seed(seed))[:LARGEST_FIT]
    whole = len(pool) <= LARGEST_FIT
    sample = pool[:] if whole else pool[order]
    kmeans = kmeans_of(pixels(sample), n_clusters, n_init=n_init, seed=seed, copy_x=False)

    def predict(images: InputRows) -> Tensor:
        found = torch.empty(len(images), dtype=torch.int64)  # kept parts would break the memory up
        for number, part in enumerate(parts(images, CHUNK)):
            found[number * CHUNK : (number + 1) * CHUNK] = torch.from_numpy(kmeans.predict(pixels(part)))
        return found

    clusters = torch.from_numpy(kmeans.labels_).long() if whole else predict(pool)
    return clusters, None if test is None else predict(test)


def pixels(images: Tensor) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Lay uint8 images ``(N, C, H, W)`` out as points ``(N, P)`` in [0, 1]; vectors are points.

    Where a value of a vector is missing, the point has 0.
    """
    if images.dtype != torch.uint8:
        filled: np.ndarray[tuple[int, int], np.dtype[np.float32]] = images.nan_to_num().cpu().numpy()
        return filled
    # float32: half of scikit-learn's memory and time, and 8-bit images have no more precision.
    points = images.flatten(1).cpu().numpy().astype(np.float32)
    points /= 255
    return points
