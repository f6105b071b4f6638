"""Settings of ``data``: what is clustered."""

import os
from typing import Annotated, Literal

from pydantic import Field

from latentclust.settings.base import Count, CountOrNone, FilePath, NotNegative, Section, Seed, Text, Words

Images = Annotated[int, Field(ge=1, le=1_000_000_000)]
Side = Annotated[int, Field(ge=1, le=10_000)]
Column = Annotated[Text | CountOrNone, Words("the name of a column")]
Columns = Annotated[tuple[Text | CountOrNone, ...], Words("a list of columns, as in [age,income]")]


def _root() -> str:
    return os.environ.get("LATENTCLUST_DATA", "data")


class PoolData(Section):
    """What all sets of images or vectors have."""

    pool: Literal["all", "train"] = "all"
    """Cluster all images, or hold out the test images."""
    batch_size: Images = 256
    """Images per batch."""
    limit: Images | None = None
    """Keep this many images; null for all of them."""
    min_images_per_epoch: Images | None = 10_000
    """An epoch goes several times over a smaller pool; null for once."""


class ImageData(PoolData):
    """Images that a pretrained network may turn into vectors."""

    backbone: Text | None = None
    """A model of torchvision, such as resnet18; null to cluster the images themselves."""
    backbone_weights: FilePath = "DEFAULT"
    """DEFAULT, which torchvision downloads, or a file with a state dict."""
    backbone_device: Literal["auto", "cpu", "gpu", "mps"] = "auto"
    """What it computes on."""
    cache_dir: FilePath | None = "outputs/cache"
    """Where what takes long is kept for later runs; null for nowhere."""


class MNIST(PoolData):
    """The handwritten digits."""

    name: Literal["mnist"] = "mnist"
    """Which data."""
    root: FilePath = Field(default_factory=_root)
    """The folder of the data sets."""


class FashionMNIST(PoolData):
    """The pictures of clothing."""

    name: Literal["fashion_mnist"] = "fashion_mnist"
    """Which data."""
    root: FilePath = Field(default_factory=_root)
    """The folder of the data sets."""


class Digits(PoolData):
    """scikit-learn's small digits."""

    name: Literal["digits"] = "digits"
    """Which data."""
    batch_size: Images = 64
    """Images per batch."""


class Torchvision(ImageData):
    """A set of images that torchvision knows."""

    name: Literal["torchvision"] = "torchvision"
    """Which data."""
    dataset: Literal["CIFAR10", "STL10", "USPS", "KMNIST", "EMNIST", "SVHN"]
    """Which set."""
    root: FilePath = Field(default_factory=_root)
    """The folder of the data sets."""


class Files(ImageData):
    """The user's own images or vectors."""

    name: Literal["files"] = "files"
    """Which data."""
    path: FilePath
    """An .npz or .npy file."""
    in_memory: Literal["auto"] | bool = "auto"
    """Read an .npy file at once, or in blocks; auto: in blocks if it would fill 1/4 of the free memory."""


class Folder(ImageData):
    """The user's own folder of pictures."""

    name: Literal["folder"] = "folder"
    """Which data."""
    path: FilePath
    """The folder; its sub-folders are classes."""
    size: Side | Annotated[tuple[Side, Side], Words("[height, width] in pixels")] | None = None
    """Pixels: the side of a square, or [height, width]; null where all pictures have one size."""
    color: Literal["gray", "rgb"] = "rgb"
    """One channel or three."""
    on_error: Literal["skip", "stop"] = "skip"
    """Leave out what cannot be read, or stop."""


class Table(PoolData):
    """The user's own table."""

    name: Literal["table"] = "table"
    """Which data."""
    path: FilePath
    """A .csv, .tsv or .parquet file."""
    columns: Columns | None = None
    """Cluster these columns; null for all but the others named here."""
    drop: Columns = ()
    """Leave these columns out."""
    label: Column | None = None
    """The column with the classes, for evaluation alone; null if there is none."""
    id: Column | None = None
    """The column with the rows' names; null to count them."""
    max_categories: Count = 50
    """A column of text may have this many values."""
    flags: bool = False
    """Add a number, 0 or 1, for each column with missing values."""


class Points(Section):
    """What all sets of points have."""

    n: Annotated[int, Field(ge=1, le=10_000_000)] = 1000
    """Points N."""
    dims: Annotated[int, Field(ge=2, le=1_000_000)] = 2
    """Dimensions D; the first two hold the groups."""
    noise: NotNegative = 0.06
    """Standard deviation of the noise in every coordinate."""
    seed: Seed = 0
    """Which points are drawn."""


class Blobs(Points):
    """Round groups, their centers on a circle."""

    name: Literal["blobs"] = "blobs"
    """Which data."""
    noise: NotNegative = 0.15
    """Standard deviation of the noise in every coordinate."""
    n_groups: Annotated[int, Field(ge=1, le=10_000)] = 5
    """How many groups."""


class Moons(Points):
    """Two half circles that hook into each other."""

    name: Literal["moons"] = "moons"
    """Which data."""


class Circles(Points):
    """A circle in another."""

    name: Literal["circles"] = "circles"
    """Which data."""


Data = Annotated[
    MNIST | FashionMNIST | Digits | Torchvision | Files | Folder | Table | Blobs | Moons | Circles,
    Field(discriminator="name"),
]
