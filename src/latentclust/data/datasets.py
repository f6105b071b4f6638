"""The data sets, each by the name that `data=...` gives it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from latentclust.data.backbone import DEFAULT, Backbone, seen_by
from latentclust.data.checks import require_variety
from latentclust.data.datamodule import DataModule
from latentclust.data.files import load_files
from latentclust.data.folder import load_folder
from latentclust.data.large import load_mapped, stays_in_file
from latentclust.data.sources import load_digits, load_fashion_mnist, load_mnist
from latentclust.data.splits import Source, Split
from latentclust.data.torchvision_sets import load_torchvision
from latentclust.errors import LatentclustError
from latentclust.registry import DATA


class MNISTDataModule(DataModule):
    """The MNIST handwritten digits; see `load_mnist`."""

    def load(self) -> Source:
        """Fetch MNIST if need be, and read it."""
        return load_mnist(self.root)


class FashionMNISTDataModule(DataModule):
    """Fashion-MNIST; see `load_fashion_mnist`."""

    def load(self) -> Source:
        """Fetch Fashion-MNIST if need be, and read it."""
        return load_fashion_mnist(self.root)


class DigitsDataModule(DataModule):
    """scikit-learn's handwritten digits; see `load_digits`."""

    def load(self) -> Source:
        """Read the digits that come with scikit-learn."""
        return load_digits()


class ImageDataModule(DataModule):
    """Images that a pretrained network may turn into vectors.

    Parameters
    ----------
    backbone, backbone_weights, backbone_device
        As for `latentclust.data.backbone.Backbone`; without a backbone the images are clustered themselves.
    cache_dir
        Where what takes long is kept for later runs; None for nowhere.
    **options
        As for `DataModule`.
    """

    def __init__(
        self,
        *,
        backbone: str | None = None,
        backbone_weights: str = DEFAULT,
        backbone_device: str = "auto",
        cache_dir: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.backbone = None if backbone is None else Backbone(backbone, backbone_weights, backbone_device)
        self.cache_dir = cache_dir

    def look(self, source: Source) -> Source:
        """Return the inputs as the backbone sees them, or as they are if there is none."""
        return source if self.backbone is None else seen_by(self.backbone, source, self.cache_dir)


class FilesDataModule(ImageDataModule):
    """The user's own images or vectors; see `load_files`.

    Parameters
    ----------
    path : str
        An ``.npz`` or ``.npy`` file.
    in_memory : {"auto", True, False}
        False leaves the array of an ``.npy`` file there and reads it in blocks; "auto" does so with arrays
        that would fill a fourth of the free memory or more.
    **options
        As for `ImageDataModule`.
    """

    def __init__(self, *, path: str, in_memory: bool | str = "auto", **options: Any) -> None:
        super().__init__(**options)
        self.path = path
        self.in_memory = in_memory

    def load(self) -> Source:
        """Read the user's file, or look through it.

        Raises
        ------
        LatentclustError
            If it cannot be read, or all its vectors are equal.
        """
        path = Path(self.path).expanduser()
        if self.limit is None and stays_in_file(path, self.in_memory):
            source = load_mapped(path)
        else:
            source = load_files(path, self.limit)
        if source.train.inputs.dim() == 2:  # equal images were always taken
            try:
                require_variety(source.train.inputs)
            except LatentclustError as error:
                raise LatentclustError(f"{self.path}: {error}") from error
        return source


class TableDataModule(DataModule):
    """The user's own table; see `latentclust.data.table.load_table`.

    Parameters
    ----------
    path, columns, drop, label, id, max_categories, flags
        As for `load_table`.
    **options
        As for `DataModule`.
    """

    def __init__(
        self,
        *,
        path: str,
        columns: Sequence[str | int] | None = None,
        drop: Sequence[str | int] = (),
        label: str | int | None = None,
        id: str | int | None = None,
        max_categories: int = 50,
        flags: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.path = path
        self.reading: dict[str, Any] = {
            "columns": columns,
            "drop": drop,
            "label": label,
            "id": id,
            "max_categories": max_categories,
            "flags": flags,
        }

    def load(self) -> Source:
        """Read the user's table."""
        from latentclust.data.table import load_table  # here, for pandas takes a while to import

        return load_table(self.path, **self.reading)


class FolderDataModule(ImageDataModule):
    """The user's own folder of pictures; see `latentclust.data.folder.load_folder`.

    Parameters
    ----------
    path, size, color, on_error
        As for `load_folder`.
    **options
        As for `ImageDataModule`.
    """

    def __init__(
        self,
        *,
        path: str,
        size: int | Sequence[int] | None = None,
        color: str = "rgb",
        on_error: str = "skip",
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.path = path
        self.files = Path(path).expanduser()
        self.reading: dict[str, Any] = {"size": size, "color": color, "on_error": on_error}

    def load(self) -> Source:
        """Read the user's pictures."""
        options = {**self.reading, "limit": self.limit}
        return load_folder(self.path, cache_dir=self.cache_dir, eyes=self.backbone, **options)

    def look(self, source: Source) -> Source:
        """Return the inputs as they are: a backbone has seen the pictures when they were read."""
        return source


class TorchvisionDataModule(ImageDataModule):
    """One of torchvision's sets; see `latentclust.data.torchvision_sets.load_torchvision`.

    Parameters
    ----------
    dataset
        ``CIFAR10``, ``STL10``, ``USPS``, ``KMNIST``, ``EMNIST`` or ``SVHN``.
    **options
        As for `ImageDataModule`.
    """

    def __init__(self, *, dataset: str, **options: Any) -> None:
        super().__init__(**options)
        self.dataset = dataset

    def load(self) -> Source:
        """Fetch the set if need be, and read it."""
        return load_torchvision(self.dataset, self.root)


class ArrayDataModule(DataModule):
    """Inputs that are in memory already.

    Parameters
    ----------
    inputs
        As :class:`~latentclust.data.Split` has them.
    feature_names
        Of vectors; empty if they have none.
    **options
        As for `DataModule`.
    """

    def __init__(self, inputs: Tensor, feature_names: tuple[str, ...] = (), **options: Any) -> None:
        super().__init__(**options)
        self.inputs = inputs
        self.feature_names = feature_names

    def load(self) -> Source:
        """Return them."""
        return Source(Split(self.inputs, None), None, (), self.feature_names)


def build_datamodule(name: str, **options: Any) -> DataModule:
    """Build the datamodule called ``name``, with the parameters of its class.

    Raises
    ------
    LatentclustError
        If there is no datamodule of that name, or a parameter is out of range.
    """
    if name not in DATA:
        raise LatentclustError(f"data={name} is unknown: choose one of {', '.join(DATA)}")
    data: DataModule = DATA[name](**options)
    return data
