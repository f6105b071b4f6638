"""Settings of ``init``: how VaDE's mixture starts."""

from typing import Annotated, Literal

from pydantic import Field

from latentclust.settings.base import Neighbors, Restarts, Section


class GMM(Section):
    """A diagonal Gaussian mixture of the codes."""

    name: Literal["gmm"]
    """Which start."""
    n_init: Restarts
    """Restarts; the likeliest is kept."""


class KMeans(Section):
    """K-means on the codes."""

    name: Literal["kmeans"]
    """Which start."""
    n_init: Restarts
    """Restarts; the one with the least inertia is kept."""


class Manifold(Section):
    """The parts of a neighbor graph."""

    name: Literal["manifold"]
    """Which start."""
    space: Literal["images", "features", "codes"]
    """Where neighbors are near."""
    warp: Annotated[int, Field(ge=0, le=16)]
    """``images``: pixels that any pixel may move, each way."""
    candidates: Neighbors
    """``images``: the nearest images pixel by pixel, among which the neighbors are sought."""
    cache: bool
    """``images``: reuse the neighbors that an earlier run found."""
    n_neighbors: Neighbors
    """Of each image in the graph."""
    n_epochs: Annotated[int, Field(ge=1, le=100_000)]
    """Of UMAP's layout."""
    n_init: Restarts
    """Restarts of the Gaussian mixture; the likeliest is kept."""
    refit: Literal["vote", "anew"]
    """What happens in ``model.refit_at``: neighbors vote on the model's clusters, or as the first time."""
    voters: Annotated[int, Field(ge=1, le=10_000)]
    """Neighbors of each kind that vote."""


class Merged(Section):
    """Many small Gaussians, merged where they overlap."""

    name: Literal["merged"]
    """Which start."""
    n_components: Annotated[int, Field(ge=1, le=10_000)]
    """Gaussians before merging."""
    n_init: Restarts
    """Restarts; the one whose clusters tell most about the codes is kept."""


class Semitied(Section):
    """Diagonal Gaussians in the axes in which they fit the codes best."""

    name: Literal["semitied"]
    """Which start."""
    n_init: Restarts
    """Restarts; the likeliest is kept."""
    weights: Literal["equal", "free"]
    """Every Gaussian has the weight 1/K when it is fitted, or the weights are fitted too."""


Init = Annotated[GMM | KMeans | Manifold | Merged | Semitied, Field(discriminator="name")]
