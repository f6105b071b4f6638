"""Start from a neighbor graph: UMAP unrolls the codes, a full Gaussian mixture parts what it shows."""

import warnings

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from torch import Tensor

from latentclust import progress
from latentclust.clustering.base import Initialization, as_codes, from_partition
from latentclust.clustering.neighbors import Neighbors, nearest
from latentclust.clustering.scikit import mixture_of
from latentclust.numba_cache import ensure_numba_cache

# Of fewer codes there is no graph to unroll, so that they are parted as they are.
FEWEST_TO_UNROLL = 4


def fit_manifold(
    z: Tensor | NDArray[np.floating],
    n_clusters: int,
    *,
    features: Tensor | NDArray[np.floating] | None = None,
    among_images: Neighbors | None = None,
    n_neighbors: int = 15,
    n_epochs: int = 50,
    n_init: int = 5,
    reg_covar: float = 1e-6,
    seed: int = 0,
) -> Initialization:
    """Embed the codes with UMAP, part the embedding with a Gaussian mixture, and measure the parts as codes.

    The neighbor graph sees that a digit's codes form one connected, but bent and elongated piece, which no
    diagonal Gaussian fits (McConville et al. 2021, N2D; McInnes et al. 2018, UMAP). The embedding has as many
    dimensions as the codes, but fewer than half as many as there are codes; of fewer than four codes there is
    none, and the mixture parts the codes themselves.

    Parameters
    ----------
    z
        Codes ``(N, D)``.
    n_clusters
        Components K, at most N.
    features
        What neighbors are near in, ``(N, F)``; None: the codes.
    among_images
        The graph's neighbors where they are found without the encoder, as by
        :func:`~latentclust.clustering.nearest_images`, n_neighbors of each or more.
    n_neighbors
        Of each code in the graph, itself among them, at least 2; of N codes N - 1 at most are taken.
    n_epochs
        Of UMAP's layout.
    n_init
        Restarts of the Gaussian mixture, of which the likeliest is kept.
    reg_covar
        Added to every variance.
    seed
        Of the layout and the restarts; the same seed gives the same partition.

    Returns
    -------
    Initialization
        Its ``objective`` is the mean log-likelihood of an embedded code.

    Raises
    ------
    LatentclustError
        If there are fewer codes than clusters, a code or feature is not finite, or scikit-learn cannot fit
        them.
    """
    codes = as_codes(z, n_clusters)
    seen = codes if features is None else as_codes(features, n_clusters)
    n = min(n_neighbors, len(codes) - 1)
    if len(codes) < FEWEST_TO_UNROLL:
        embedded = codes
    else:
        if among_images is None:
            neighbors = nearest(seen, n)
        else:
            neighbors = Neighbors(among_images.indices[:, :n], among_images.distances[:, :n])
        # The layout starts from eigenvectors of the graph, of which there are no more than codes.
        dims = min(codes.shape[1], len(codes) // 2 - 1)
        embedded = embed(seen, neighbors, dims, n_epochs, seed)
    with progress.task(f"Gaussian mixture (restarts: {n_init})"):
        mixture = mixture_of(embedded, n_clusters, "full", n_init=n_init, seed=seed, reg_covar=1e-4)
    return from_partition(
        codes,
        mixture.predict(embedded),
        n_clusters,
        reg_covar=reg_covar,
        objective=float(mixture.score(embedded)),
        converged=bool(mixture.converged_),
    )


def embed(
    points: NDArray[np.float64], neighbors: Neighbors, dims: int, n_epochs: int, seed: int
) -> NDArray[np.float64]:
    """Lay points ``(N, F)`` out by their neighbors, with UMAP in ``dims`` dimensions, dense parts tight.

    UMAP gets its neighbors: its own search takes most of a minute to compile in every process.
    """
    ensure_numba_cache()
    # numba, behind UMAP, gives OpenMP all cores, and PyTorch and scikit-learn with it: they get theirs back.
    with warnings.catch_warnings(), threadpool_limits(limits=None):
        warnings.simplefilter("ignore")  # about TensorFlow, numba and old names, none about the codes
        from umap import UMAP  # here, because it takes seconds to import

        reducer = UMAP(
            n_neighbors=neighbors.indices.shape[1],
            n_components=dims,
            min_dist=0.0,
            n_epochs=n_epochs,
            random_state=seed,
            n_jobs=1,
            precomputed_knn=(neighbors.indices, neighbors.distances),
        )
        with progress.task(f"UMAP layout of {len(points):,} inputs"):
            embedded: NDArray[np.float64] = reducer.fit_transform(points.astype(np.float32)).astype(
                np.float64
            )
    return embedded
