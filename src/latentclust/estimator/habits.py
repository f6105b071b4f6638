"""What scikit-learn's users expect, around the engine: images checked, seeds of any kind, their errors."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from warnings import warn

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from torch import Tensor

from latentclust.data.checks import too_alike
from latentclust.data.description import Description
from latentclust.data.ranges import in_fitted_numbers
from latentclust.errors import LatentclustError
from latentclust.settings import Settings, settings_for
from latentclust.settings.model import NetworkModel

IMAGE_DIMS = (3, 4)


def checked_images(images: NDArray[Any], takes: Description | None) -> Tensor:
    """Turn images ``(N, H, W[, C])`` into uint8 or float32 ``(N, C, H, W)``.

    Parameters
    ----------
    images
        Of any numbers.
    takes
        What the estimator was fitted to; None before that.

    Raises
    ------
    ValueError
        If a number is not finite, or the images have another shape or other numbers than the fitted ones.
    """
    if images.dtype != np.uint8:
        images = images.astype(np.float32)
        if not np.isfinite(images).all():
            raise ValueError("images hold NaN or infinity: leave those images out")
    with_channels = images[..., None] if images.ndim == 3 else images
    inputs = torch.from_numpy(np.ascontiguousarray(np.moveaxis(with_channels, -1, 1)))
    return inputs if takes is None else _like_the_fitted(inputs, takes)


def _like_the_fitted(inputs: Tensor, takes: Description) -> Tensor:
    """Check images against those of the fit, and return them in the same numbers."""
    if tuple(inputs.shape[1:]) != takes.spec.shape:
        raise ValueError(
            f"X has images of (C, H, W) = {tuple(inputs.shape[1:])}, but DeepClustering was fitted to "
            f"{takes.spec.shape}"
        )
    try:
        return in_fitted_numbers(inputs, takes)
    except LatentclustError as error:
        raise ValueError(f"X {error}") from error


def settings_of(params: Mapping[str, Any], folder: str) -> Settings:
    """Return what an estimator's parameters mean as settings: a run in a folder that nobody looks into."""
    quiet = {
        "n_clusters": params["n_clusters"],
        "seed": params["random_state"],
        "preprocess": params["preprocess"],
        "output_dir": folder,
        "figures.at_end": False,
        "logger.tensorboard": False,
        "logger.csv": False,
        "trainer.enable_progress_bar": bool(params["verbose"]),
        "callbacks.cluster_accuracy.every_n_epochs": 0,
    }
    if params["max_epochs"] is not None:
        quiet["trainer.max_epochs"] = params["max_epochs"]
    data, further = {"name": "files", "path": "an array"}, dict(params["settings"] or {})
    given = {key: plain(value) for key, value in (quiet | further).items()}
    settings = settings_for(params["model"], data, **{"data.pool": "all"}, **given)
    if not isinstance(settings.model, NetworkModel):
        raise LatentclustError(
            f"model={params['model']} trains no network, and DeepClustering does: "
            "scikit-learn has KMeans, GaussianMixture and SpectralClustering"
        )
    return settings


def warn_of_alike(inputs: Tensor, n_clusters: int) -> None:
    """Warn as scikit-learn's KMeans does where fewer inputs are different than there are clusters.

    Warns
    -----
    ConvergenceWarning
        If they are.
    """
    told = too_alike(inputs, n_clusters, "vectors" if inputs.dim() == 2 else "images")
    if told is not None:
        warn(told, ConvergenceWarning, stacklevel=3)


def plain(value: Any) -> Any:
    """Return a number of NumPy's as one of Python's, and all else as it is."""
    return value.item() if isinstance(value, np.generic) else value


def seed_of(random_state: Any) -> int:
    """Return the seed that a ``random_state`` stands for."""
    if isinstance(random_state, (int, np.integer)):
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31))


def plain_state(random_state: Any) -> int | None:
    """Return a ``random_state`` that can be written to a file."""
    return int(random_state) if isinstance(random_state, (int, np.integer)) else None


@contextmanager
def as_value_errors() -> Iterator[None]:
    """Raise what scikit-learn's users expect."""
    try:
        yield
    except LatentclustError as error:
        raise ValueError(str(error)) from error
