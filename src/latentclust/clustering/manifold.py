"""Start from a neighbor graph: UMAP unrolls the codes, a full Gaussian mixture parts what it shows."""

import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from threadpoolctl import threadpool_limits
from torch import Tensor

from latentclust import progress
from latentclust.clustering.base import Initialization, as_codes, device_of, from_partition
from latentclust.clustering.modularity import edge_information, evenness, graph_of, merge_parts, modularity
from latentclust.clustering.neighbors import Neighbors, nearest
from latentclust.clustering.scikit import mixture_of
from latentclust.numba_cache import import_umap

# Partitions whose modularities differ by less fit the graph alike: then the one by K components is kept.
CLEARLY = 0.001
# By united parts a neighbor may tell so much less of a point's cluster.
NEARLY = 0.01
# Clusters of such evenness are not found by chance: the groups are of equal size.
EVEN = 0.98
# Inputs for each of the Gaussians whose parts are united: one in ten dimensions has 65 parameters.
FEWEST_PER_COMPONENT = 100
# Of fewer codes there is no graph to unroll, so that they are parted as they are.
FEWEST_TO_UNROLL = 4


def neighbors_needed(n_neighbors: int, n_layouts: int, n: int) -> int:
    """Return how many neighbors of each of n points the layouts need."""
    return min(n_neighbors * min(2, n_layouts), n - 1)


def layout_seeds(seed: int, n_layouts: int) -> list[int]:
    """Return a seed for each layout of a run: the first is the run's, and runs of other seeds share none.

    With seed, seed + 1, ... runs of neighboring seeds would have layouts in common, and look more alike than
    they are.
    """
    others = np.random.SeedSequence(seed).generate_state(n_layouts - 1)
    return [seed, *map(int, others)]


class Parted(NamedTuple):
    """A partition of a layout."""

    clusters: NDArray[np.int64]
    """``(N,)``."""
    modularity: float
    """On the neighbor graph."""
    information: float
    """On the neighbor graph (:func:`~latentclust.clustering.modularity.edge_information`)."""
    evenness: float
    """Of the clusters' sizes (:func:`~latentclust.clustering.modularity.evenness`)."""
    converged: bool
    """Whether the mixture's fit ended by itself."""


def fit_manifold(
    z: Tensor | NDArray[np.floating],
    n_clusters: int,
    *,
    features: Tensor | NDArray[np.floating] | None = None,
    among_images: Neighbors | None = None,
    n_neighbors: int = 15,
    n_layouts: int = 1,
    n_epochs: int = 50,
    n_init: int = 5,
    components_per_cluster: float = 1.0,
    reg_covar: float = 1e-6,
    seed: int = 0,
) -> Initialization:
    """Embed the codes with UMAP, part the embedding with a Gaussian mixture, and measure the parts as codes.

    The neighbor graph sees that a digit's codes form one connected, but bent and elongated piece, which no
    diagonal Gaussian fits (McConville et al. 2021, N2D; McInnes et al. 2018, UMAP). The embedding has as many
    dimensions as the codes, but fewer than half as many as there are codes; of fewer than four codes there is
    none, and the mixture parts the codes themselves.

    A layout's likeliest mixture is kept. Layouts differ with their random starts and their numbers of
    neighbors: of several, the one whose clusters fit the neighbor graph best is kept, as
    :func:`best_partition` says. Likelihoods of different layouts cannot be compared, and do not see what a
    layout tore apart.

    A mixture of K components may cut one group and unite two others, because their shapes need more than K.
    So a layout can also be parted by more components, whose parts are united until K are left
    (:func:`~latentclust.clustering.modularity.merge_parts`).

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
        :func:`~latentclust.clustering.nearest_images`; of each at least what :func:`neighbors_needed` says.
    n_neighbors
        Of each code in the graph, itself among them, at least 2; of N codes N - 1 at most are taken.
    n_layouts
        Layouts, every second one with twice as many neighbors.
    n_epochs
        Of a layout.
    n_init
        Restarts of each of a layout's Gaussian mixtures, of which the likeliest is kept.
    components_per_cluster
        Of the second mixture, at least 1; there are at most one for 100 codes. 1: there is no such mixture.
    reg_covar
        Added to every variance.
    seed
        Of the layouts and the mixtures; the same seed gives the same partition.

    Returns
    -------
    Initialization
        Its ``objective`` is the partition's modularity.

    Raises
    ------
    LatentclustError
        If there are fewer codes than clusters, a code or feature is not finite, or scikit-learn cannot fit
        them.
    """
    codes = as_codes(z, n_clusters)
    seen = codes if features is None else as_codes(features, n_clusters)
    n_codes, given, device = len(codes), z if features is None else features, device_of(z)
    if among_images is None:
        wanted = max(1, neighbors_needed(n_neighbors, n_layouts, n_codes))
        found = nearest(seen if device_of(given).type == "cpu" else given, wanted)
    else:
        found = among_images
    graph = graph_of(_first(found, n_neighbors))
    seeds = layout_seeds(seed, n_layouts)
    if n_codes < FEWEST_TO_UNROLL:
        layouts = iter([codes])
    else:
        # The layout starts from eigenvectors of the graph, of which there are no more than codes.
        dims = min(codes.shape[1], n_codes // 2 - 1)
        layouts = (
            embed(seen, _first(found, n_neighbors * (1 + number % 2)), dims, n_epochs, own)
            for number, own in enumerate(seeds)
        )
    n_components = min(round(components_per_cluster * n_clusters), n_codes // FEWEST_PER_COMPONENT)
    parted, united = [], []
    for own, layout in zip(seeds, layouts, strict=False):  # of very few codes there is only one layout
        parted.append(_part(layout, n_clusters, n_clusters, graph, n_init, own, device))
        if n_components > n_clusters:
            united.append(_part(layout, n_components, n_clusters, graph, n_init, own, device))
    best = best_partition(parted, united)
    return from_partition(
        codes,
        best.clusters,
        n_clusters,
        reg_covar=reg_covar,
        objective=best.modularity,
        converged=best.converged,
    )


def _first(neighbors: Neighbors, n: int) -> Neighbors:
    """Keep the n nearest of each."""
    return Neighbors(neighbors.indices[:, :n], neighbors.distances[:, :n])


def best_partition(parted: Sequence[Parted], united: Sequence[Parted]) -> Parted:
    """Return the partition that fits the neighbor graph best.

    Modularity prefers clusters of equal size. Where groups are of unequal size, the partition with the
    highest one cuts a large group in two and unites two small ones. So it decides alone only if some
    partition has clusters of nearly equal size, which is no chance. Else what a neighbor tells of a point's
    cluster, which does not depend on sizes, counts twice as much. A partition of united parts has to have a
    clearly higher modularity, and a neighbor has to tell nearly as much.

    Parameters
    ----------
    parted
        By as many components as clusters, one at least.
    united
        By more components, whose parts were united.
    """
    even = max(one.evenness for one in (*parted, *united)) >= EVEN

    def fit(one: Parted) -> float:
        return one.modularity if even else one.information + one.modularity / 2

    best = max(parted, key=fit)
    other = max(united, key=fit, default=best)
    tells = even or other.information >= best.information - NEARLY
    return other if tells and other.modularity > best.modularity + CLEARLY else best


def _part(
    points: NDArray[np.float64],
    n_components: int,
    n_clusters: int,
    graph: csr_array,
    n_init: int,
    seed: int,
    device: torch.device,
) -> Parted:
    """Part points ``(N, D)`` by the likeliest Gaussian mixture, and unite its parts until K are left."""
    with progress.task(f"mixture of {n_components} Gaussians (restarts: {n_init})"):
        mixture = mixture_of(
            points, n_components, "full", n_init=n_init, seed=seed, reg_covar=1e-4, device=device
        )
    clusters = mixture.predict(points)
    if n_components > n_clusters:
        clusters = merge_parts(clusters, n_clusters, graph)
    return Parted(
        clusters,
        modularity(clusters, graph),
        edge_information(clusters, graph),
        evenness(clusters, n_clusters),
        bool(mixture.converged_),
    )


def embed(
    points: NDArray[np.float64], neighbors: Neighbors, dims: int, n_epochs: int, seed: int
) -> NDArray[np.float64]:
    """Lay points ``(N, F)`` out by their neighbors, with UMAP in ``dims`` dimensions, dense parts tight.

    UMAP gets its neighbors: its own search takes most of a minute to compile in every process.
    """
    # numba, behind UMAP, gives OpenMP all cores, and PyTorch and scikit-learn with it: they get theirs back.
    with warnings.catch_warnings(), threadpool_limits(limits=None):
        warnings.simplefilter("ignore")  # about TensorFlow, numba and old names, none about the codes
        reducer = import_umap()(
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
