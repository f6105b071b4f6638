"""Settings of ``figures``: what is drawn."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from latentclust.settings.base import CountOrNone, Positive, Section, Words


def _different(dims: tuple[int, int]) -> tuple[int, int]:
    if dims[0] == dims[1]:
        raise ValueError("the same dimension twice")
    return dims


Dim = Annotated[int, Field(ge=0, le=4095)]


class Embedding(Section):
    """Two-dimensional embeddings of the codes and of the raw pixels."""

    method: Literal["tsne", "umap", "none"] = "tsne"
    """Which method, or none."""
    size: Annotated[int, Field(ge=10, le=100_000)] = 1000
    """Images that are embedded."""
    perplexity: Annotated[float, Field(ge=1, le=10_000)] = 30.0
    """t-SNE's number of effective neighbors."""
    max_iter: Annotated[int, Field(ge=250, le=1_000_000)] = 1000
    """t-SNE's iterations."""


class Plane(Section):
    """The decoded grid over two latent dimensions."""

    dims: Annotated[
        tuple[Dim, Dim],
        AfterValidator(_different),
        Words("two different latent dimensions, counted from 0, as in [0,1]"),
    ] = (0, 1)
    """Which two."""
    limit: Positive | None = None
    """From minus to plus this; null for where the codes are."""
    n: Annotated[int, Field(ge=2, le=500)] = 12
    """Images along each side."""


class Figures(Section):
    """What is drawn."""

    at_end: bool = True
    """Draw figures and report when the run ends."""
    every_n_epochs: CountOrNone = 5
    """To TensorBoard after every n-th epoch; 0 for the end alone."""
    svg: bool = False
    """Every figure as .svg too."""
    projector: bool = True
    """The codes to TensorBoard's embedding projector."""
    embedding: Embedding = Embedding()
    """Two-dimensional embeddings."""
    plane: Plane = Plane()
    """The decoded grid."""
