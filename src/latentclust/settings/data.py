"""Settings of ``data``: what is clustered."""

from typing import Annotated, Literal

from pydantic import Field

from latentclust.settings.base import FilePath, NotNegative, Section, Seed

Images = Annotated[int, Field(ge=1, le=1_000_000_000)]


class ImageData(Section):
    """What all sets of images have."""

    pool: Literal["all", "train"]
    """Cluster all images, or hold out the test images."""
    batch_size: Images
    """Images per batch."""
    limit: Images | None
    """Keep this many images; null for all of them."""
    min_images_per_epoch: Images | None
    """An epoch goes several times over a smaller pool; null for once."""


class MNIST(ImageData):
    """The handwritten digits."""

    name: Literal["mnist"]
    """Which data."""
    root: FilePath
    """The folder of the data sets."""


class FashionMNIST(ImageData):
    """The pictures of clothing."""

    name: Literal["fashion_mnist"]
    """Which data."""
    root: FilePath
    """The folder of the data sets."""


class Digits(ImageData):
    """scikit-learn's small digits."""

    name: Literal["digits"]
    """Which data."""


class Files(ImageData):
    """The user's own images."""

    name: Literal["files"]
    """Which data."""
    path: FilePath
    """An .npz or .npy file."""


class Points(Section):
    """What all sets of points have."""

    n: Annotated[int, Field(ge=1, le=10_000_000)]
    """Points N."""
    dims: Annotated[int, Field(ge=2, le=1_000_000)]
    """Dimensions D; the first two hold the groups."""
    noise: NotNegative
    """Standard deviation of the noise in every coordinate."""
    seed: Seed
    """Which points are drawn."""


class Blobs(Points):
    """Round groups, their centers on a circle."""

    name: Literal["blobs"]
    """Which data."""
    n_groups: Annotated[int, Field(ge=1, le=10_000)]
    """How many groups."""


class Moons(Points):
    """Two half circles that hook into each other."""

    name: Literal["moons"]
    """Which data."""


class Circles(Points):
    """A circle in another."""

    name: Literal["circles"]
    """Which data."""


Data = Annotated[MNIST | FashionMNIST | Digits | Files | Blobs | Moons | Circles, Field(discriminator="name")]
