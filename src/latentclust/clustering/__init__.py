"""From codes to the mixture that a model starts with, without labels."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from latentclust.clustering.base import Initialization, in_given_axes
from latentclust.clustering.distortion import nearest_images
from latentclust.clustering.gmm import fit_gmm
from latentclust.clustering.kmeans import fit_kmeans
from latentclust.clustering.manifold import fit_manifold
from latentclust.clustering.merged import fit_merged
from latentclust.clustering.neighbors import Neighbors, nearest
from latentclust.clustering.semitied import fit_semitied
from latentclust.clustering.vote import fit_vote
from latentclust.errors import LatentclustError
from latentclust.numba_cache import ensure_numba_cache
from latentclust.registry import STARTS

__all__ = [
    "Initialization",
    "Neighbors",
    "fit",
    "fit_gmm",
    "fit_kmeans",
    "fit_manifold",
    "fit_merged",
    "fit_semitied",
    "fit_vote",
    "in_given_axes",
    "nearest",
    "nearest_images",
    "require_possible",
]


def require_possible(name: str, n: int) -> None:
    """Refuse before anything is trained what could not be fitted to n codes after it.

    Raises
    ------
    LatentclustError
        If one code is all there is, or UMAP cannot be imported because no folder can be written.
    """
    if n < 2:
        raise LatentclustError("there is only one image, and it takes two to have clusters: give more")
    if name == "manifold":
        ensure_numba_cache()


def fit(name: str, z: Tensor | NDArray[np.floating], n_clusters: int, **options: Any) -> Initialization:
    """Fit ``n_clusters`` components to codes ``(N, D)`` by one of :data:`latentclust.registry.STARTS`.

    ``options`` are the keyword arguments of the method with that name.

    Raises
    ------
    LatentclustError
        If there is no such method, or it cannot fit the codes.
    """
    if name not in STARTS:
        raise LatentclustError(f"init.name is {name!r}: choose one of {', '.join(STARTS)}")
    fitted: Initialization = STARTS[name](z, n_clusters, **options)
    return fitted
