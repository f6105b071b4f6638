"""A fitted estimator in a file, which is a checkpoint with something added."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from latentclust.errors import LatentclustError
from latentclust.models import LatentModel
from latentclust.registry import MODELS
from latentclust.runs.checkpoints import check_class, read_checkpoint
from latentclust.runs.rebuilding import rebuild
from latentclust.training.checkpoint_io import WholeCheckpointIO

KEY = "estimator"
"""Where the file has what a checkpoint lacks."""


class SavedEstimator(NamedTuple):
    """What such a file holds."""

    params: dict[str, Any]
    """Of the estimator's constructor."""
    model: LatentModel
    """On the CPU, in evaluation mode."""
    labels: NDArray[np.int64]
    """The clusters of what it was fitted to, ``(N,)``."""
    feature_names: list[str]
    """Of the columns that it was fitted to; empty if they had none."""
    checkpoint: dict[str, Any]
    """The checkpoint itself, so that it can be saved again."""


def save_estimator(
    path: Path,
    checkpoint: Mapping[str, Any],
    params: Mapping[str, Any],
    labels: NDArray[np.int64],
    feature_names: Sequence[str],
) -> None:
    """Write an estimator's checkpoint with its parameters, in plain values, its labels and names."""
    kept = {"params": dict(params), "labels": torch.from_numpy(labels), "feature_names": list(feature_names)}
    WholeCheckpointIO().save_checkpoint({**checkpoint, KEY: kept}, path)


def load_estimator(path: Path) -> SavedEstimator:
    """Read what :func:`save_estimator` has written; nothing in the file is executed.

    Raises
    ------
    LatentclustError
        If it is none, or damaged.
    """
    checkpoint = read_checkpoint(path)
    if KEY not in checkpoint:
        raise LatentclustError(f"'{path}' was not written by DeepClustering.save")
    kept = checkpoint.pop(KEY)
    kind = MODELS[kept["params"]["model"]]
    check_class(path, checkpoint, kind)
    model = rebuild(path, checkpoint, kind).eval()
    return SavedEstimator(kept["params"], model, kept["labels"].numpy(), kept["feature_names"], checkpoint)
