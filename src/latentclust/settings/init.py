"""Settings of ``init``: how VaDE's mixture starts."""

from typing import Annotated, Literal

from pydantic import Field

from latentclust.settings.base import Neighbors, Restarts, Section, Words

Number = Annotated[
    Literal["auto"] | Annotated[int, Field(ge=1, le=100_000)],
    Words("auto, or a whole number from 1 to 100000"),
]


class Start(Section):
    """What all starts have."""

    sample: Annotated[int, Field(ge=100, le=10_000_000)] = 100_000
    """Of a larger pool, fit to this many inputs."""


class GMM(Start):
    """A diagonal Gaussian mixture of the codes."""

    name: Literal["gmm"] = "gmm"
    """Which start."""
    n_init: Restarts = 5
    """Restarts; the likeliest is kept."""


class KMeans(Start):
    """K-means on the codes."""

    name: Literal["kmeans"] = "kmeans"
    """Which start."""
    n_init: Restarts = 10
    """Restarts; the one with the least inertia is kept."""


class Manifold(Start):
    """The parts of a neighbor graph."""

    name: Literal["manifold"] = "manifold"
    """Which start."""
    space: Literal["auto", "images", "inputs", "features", "codes"] = "auto"
    """Where neighbors are near; auto: among the images, or of vectors among the inputs."""
    warp: Annotated[int, Field(ge=0, le=16)] = 2
    """``images``: pixels that any pixel may move, each way."""
    candidates: Neighbors = 40
    """``images``: the nearest images pixel by pixel, among which the neighbors are sought."""
    cache: bool = True
    """``images``: reuse the neighbors that an earlier run found."""
    n_neighbors: Neighbors = 15
    """Of each image in the graph."""
    n_layouts: Number = "auto"
    """UMAP's layouts, every second one with twice as many neighbors; auto: 4 of up to 12,000 inputs."""
    n_epochs: Number = "auto"
    """Of a layout; auto: 200 of up to 5,000 inputs, or 50."""
    n_init: Restarts = 5
    """Restarts of each Gaussian mixture of a layout; the likeliest is kept."""
    components_per_cluster: Annotated[float, Field(ge=1, le=100)] | Literal["auto"] = "auto"
    """Of a layout's second mixture, whose parts are united until K are left; at most one for 100 inputs; 1:
    there is none; auto: 1.5 with neighbors among images, or 1."""
    refit: Literal["vote", "anew"] = "vote"
    """What happens in ``model.refit_at``: neighbors vote on the model's clusters, or as the first time."""
    voters: Annotated[int, Field(ge=1, le=10_000)] = 5
    """Neighbors of each kind that vote."""
    vote_tolerance: Annotated[float, Field(ge=0, le=2)] = 0.01
    """A vote that loses more modularity of the neighbor graph than this is not taken."""


class Merged(Start):
    """Many small Gaussians, merged where they overlap."""

    name: Literal["merged"] = "merged"
    """Which start."""
    n_components: Annotated[int, Field(ge=1, le=10_000)] = 50
    """Gaussians before merging."""
    n_init: Restarts = 8
    """Restarts; the one whose clusters tell most about the codes is kept."""


class Semitied(Start):
    """Diagonal Gaussians in the axes in which they fit the codes best."""

    name: Literal["semitied"] = "semitied"
    """Which start."""
    n_init: Restarts = 3
    """Restarts; the likeliest is kept."""
    weights: Literal["equal", "free"] = "equal"
    """Every Gaussian has the weight 1/K when it is fitted, or the weights are fitted too."""


Init = Annotated[GMM | KMeans | Manifold | Merged | Semitied, Field(discriminator="name")]
