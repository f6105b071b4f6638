"""From a checkpoint to a model: its settings, its weights, and what it knows of its inputs."""

from pathlib import Path
from typing import Any

from latentclust.data.description import INPUTS_KEY, Description
from latentclust.errors import LatentclustError
from latentclust.models import Clusters, LatentModel
from latentclust.registry import MODELS
from latentclust.runs.checkpoints import check_fit, read_checkpoint
from latentclust.training.callbacks.checkpoints import RECORD_KEY


def load_weights(path: Path, model: LatentModel) -> None:
    """Put a checkpoint's weights into a model like the one that it holds.

    Raises
    ------
    LatentclustError
        If they do not fit it.
    """
    check_fit(path, model)
    put_weights(path, read_checkpoint(path), model)


def rebuild(path: Path, checkpoint: dict[str, Any], kind: type[LatentModel]) -> LatentModel:
    """Build a model of that class from a checkpoint's settings and weights.

    Raises
    ------
    LatentclustError
        If they are none of that class.
    """
    try:
        model = kind(**checkpoint["hyper_parameters"])
    except Exception as error:  # whatever wrong settings lead to
        raise LatentclustError(
            f"ckpt_path: '{path}' has settings that no {kind.__name__} can have; choose another one"
        ) from error
    put_weights(path, checkpoint, model)
    return model


def whole_model(path: Path) -> LatentModel:
    """Build the model that a checkpoint holds, from nothing but the checkpoint.

    Raises
    ------
    LatentclustError
        If it holds none that is known here, or no clusters yet.
    """
    checkpoint = read_checkpoint(path)
    held = checkpoint[RECORD_KEY]["model"]
    kind = next((kind for kind in MODELS.values() if kind.__name__ == held), None)
    if kind is None:
        raise LatentclustError(
            f"ckpt_path: '{path}' holds a model of class {held}, which is not known here: name its "
            "module with extensions=[...]"
        )
    model = rebuild(path, checkpoint, kind)
    if not isinstance(model, Clusters) and not model.code_mixture.n_clusters:
        raise LatentclustError(
            f"ckpt_path: '{path}' has no clusters yet, as its training was not over: finish its run with "
            "task=fit"
        )
    return model


def put_weights(path: Path, checkpoint: dict[str, Any], model: LatentModel) -> None:
    """Put a checkpoint's weights into a model.

    Raises
    ------
    LatentclustError
        If they do not fit it.
    """
    try:
        model.load_state_dict(checkpoint["state_dict"])
        if INPUTS_KEY in checkpoint:
            model.description = Description.of_plain(checkpoint[INPUTS_KEY])
    except Exception as error:  # names, shapes or types that do not fit
        raise LatentclustError(
            f"ckpt_path: the weights in '{path}' do not fit its model; choose another checkpoint"
        ) from error
