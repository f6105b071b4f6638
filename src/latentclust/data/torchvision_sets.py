"""Sets of images that torchvision knows: downloaded by its own classes, and checked by its checksums."""

import logging
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from textwrap import shorten
from typing import Any, NamedTuple

import numpy as np
import torch
from filelock import FileLock
from torch import Tensor
from torchvision import datasets

from latentclust.data.mirrors import impatient
from latentclust.data.splits import Source, Split
from latentclust.errors import LatentclustError
from latentclust.progress import task

log = logging.getLogger(__name__)

DIGITS = tuple("0123456789")


class Known(NamedTuple):
    """How torchvision's class of a set is asked for it."""

    train: dict[str, Any]
    """Its arguments for the training images."""
    test: dict[str, Any]
    """The same for the test images."""
    folder: str
    """Where below the root its files lie."""
    class_names: tuple[str, ...] = ()
    """If the class does not know them."""


TRAIN, TEST = {"split": "train"}, {"split": "test"}
STL10_CLASSES = ("airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck")
SETS = {
    "CIFAR10": Known({"train": True}, {"train": False}, "cifar-10-batches-py"),
    "STL10": Known(TRAIN, TEST, "stl10_binary", STL10_CLASSES),
    "USPS": Known({"train": True}, {"train": False}, ".", DIGITS),
    "KMNIST": Known({"train": True}, {"train": False}, "KMNIST/raw"),
    "EMNIST": Known(
        {"split": "balanced", "train": True}, {"split": "balanced", "train": False}, "EMNIST/raw"
    ),
    "SVHN": Known(TRAIN, TEST, ".", DIGITS),
}


def load_torchvision(name: str, root: Path) -> Source:
    """Load a set through torchvision: from its files under ``root``, which are downloaded if need be.

    Parameters
    ----------
    name
        ``CIFAR10``, ``STL10`` (its 13,000 labeled images), ``USPS``, ``KMNIST``, ``EMNIST`` (its 47 balanced
        classes) or ``SVHN`` (without its extra images).
    root
        The data folder. Files that lie there as torchvision puts them are used as they are, and nothing is
        written; torchvision checks them before it reads them.

    Raises
    ------
    LatentclustError
        If the files are neither there nor to be downloaded.
    """
    known, root = SETS[name], root.expanduser()
    try:
        return _source(name, root, download=False)
    except Exception as error:  # not there, not whole, or older than torchvision's checksums
        absent = _told(error)
    try:
        with task(f"downloading {name}"):
            root.mkdir(parents=True, exist_ok=True)
            with FileLock(root / f".{name}.lock"), impatient():
                return _source(name, root, download=True)
    except Exception as error:  # servers fail in ways that no list foresees
        log.debug("%s is not under %s: %s", name, root, absent)
        raise LatentclustError(
            f"{name} is not under {root}, and cannot be downloaded ({_told(error)}): get the network "
            f"working, put torchvision's files into {root / known.folder}, or choose another data.root"
        ) from error


def _source(name: str, root: Path, *, download: bool) -> Source:
    kind: Callable[..., Any] = getattr(datasets, name)
    known = SETS[name]
    with redirect_stdout(StringIO()):  # torchvision prints
        train, test = (kind(root, download=download, **which) for which in (known.train, known.test))
    names = known.class_names or tuple(str(name) for name in train.classes)
    splits = [Split(images_of(part), labels_of(part)) for part in (train, test)]
    return Source(splits[0], splits[1], names)


def images_of(part: Any) -> Tensor:
    """Return the images of one of torchvision's sets as uint8 ``(N, C, H, W)``."""
    data = part.data
    images = data if isinstance(data, Tensor) else torch.from_numpy(np.asarray(data))
    if images.dim() == 3:  # MNIST's relatives, and USPS
        images = images.unsqueeze(1)
        # EMNIST's files have rows and columns exchanged.
        images = images.transpose(2, 3) if isinstance(part, datasets.EMNIST) else images
    elif images.shape[-1] == 3:  # CIFAR-10; the others have their channels first
        images = images.permute(0, 3, 1, 2)
    return images.contiguous()


def labels_of(part: Any) -> Tensor:
    """Return the labels of one of torchvision's sets as int64 ``(N,)``."""
    labels = part.labels if hasattr(part, "labels") else part.targets
    return torch.as_tensor(np.asarray(labels)).long()


def _told(error: Exception) -> str:
    return shorten(str(error), 160) or type(error).__name__
