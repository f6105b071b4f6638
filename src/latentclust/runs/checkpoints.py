"""Read checkpoints, and check them against the model and the data that they are to go on with."""

import zipfile
from pathlib import Path
from typing import Any

import torch

from latentclust.data import DataModule
from latentclust.errors import LatentclustError
from latentclust.models import LatentModel
from latentclust.settings import Settings
from latentclust.settings.settled import settled
from latentclust.training.callbacks.checkpoints import RECORD_KEY, describe

# What each part of a checkpoint is, and each part of its record; Lightning checks what is in the other parts.
PARTS = {
    RECORD_KEY: dict,
    "state_dict": dict,
    "hyper_parameters": dict,
    "callbacks": dict,
    "loops": dict,
    "optimizer_states": list,
    "lr_schedulers": list,
}
RECORD_PARTS = {"version": str, "stage": str, "overrides": list, "model": str}
STAGES = ("pretrain", "train")
# What a model had before there was a setting for it.
EARLIER = {"decoder": "perceptron"}


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read one of our checkpoints onto the CPU; nothing in it is executed.

    Raises
    ------
    LatentclustError
        If it is missing, damaged, of another program or incomplete.
    """
    checkpoint: dict[str, Any] = read_file(path)
    record = checkpoint.get(RECORD_KEY) if isinstance(checkpoint, dict) else None
    if not isinstance(record, dict):
        raise LatentclustError(f"ckpt_path: '{path}' was not written by latentclust; choose one of its runs'")
    complete = (
        all(isinstance(checkpoint.get(part), kind) for part, kind in PARTS.items())
        and all(isinstance(record.get(part), kind) for part, kind in RECORD_PARTS.items())
        and record["stage"] in STAGES
        and all(isinstance(text, str) for text in record["overrides"])
        and bool(checkpoint["state_dict"])
        and bool(checkpoint["optimizer_states"])
        and all(isinstance(tensor, torch.Tensor) for tensor in checkpoint["state_dict"].values())
        # By this key Lightning would import and call what it names.
        and not any(str(key).startswith("_") for key in checkpoint["hyper_parameters"])
    )
    if not complete:
        raise LatentclustError(
            f"ckpt_path: '{path}' is not a complete checkpoint of latentclust: a part is missing or is not "
            "what it should be; choose another one"
        )
    settings = checkpoint["hyper_parameters"]
    if "reconstruction" in settings:  # as it was called in earlier versions
        settings["likelihood"] = settings.pop("reconstruction")
    return checkpoint


def read_file(path: Path) -> Any:
    """Read what torch has saved, after a look at each checksum, which torch.load does not take.

    Raises
    ------
    LatentclustError
        If it is missing or damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            # torch compresses nothing: what is small in the file is small in memory.
            if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
                raise ValueError("compressed")
            if (entry := archive.testzip()) is not None:
                raise ValueError(f"{entry} is damaged")
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise LatentclustError(
            f"ckpt_path: there is no file '{path}'; give a .ckpt file, or `last`"
        ) from error
    except Exception as error:  # torch raises many kinds for a damaged or foreign file
        raise LatentclustError(
            f"ckpt_path: '{path}' cannot be read: it is cut off, damaged or no checkpoint; choose another one"
        ) from error


def read_record(path: Path) -> dict[str, Any]:
    """Return the record of the run that wrote a checkpoint.

    Returns
    -------
    dict[str, Any]
        ``version``, ``stage``, ``overrides``, ``model`` and ``data``; older checkpoints have no ``data``.

    Raises
    ------
    LatentclustError
        As :func:`read_checkpoint` does.
    """
    record: dict[str, Any] = read_checkpoint(path)[RECORD_KEY]
    return record


def check_data(path: Path, data: DataModule, name: str) -> str | None:
    """Check that a run goes on with the inputs that it was trained on.

    Returns
    -------
    str | None
        A warning, where an older checkpoint does not say what it was trained on.

    Raises
    ------
    LatentclustError
        If they are others.
    """
    record = read_record(path)
    if not isinstance(was := record.get("data"), dict):
        return (
            f"'{path}' is of latentclust {record['version']}, which did not note the data: whether these are "
            "the inputs that it was trained on is not checked"
        )
    now = describe(data, name)
    if was.get("fingerprint") != now["fingerprint"]:
        raise LatentclustError(
            f"ckpt_path: '{path}' was trained on {in_words(was)}, and these are {in_words(now)}: leave out "
            "what changes the data (data=..., data.*, preprocess), or start a new run"
        )
    return None


def check_settled(path: Path, settings: Settings) -> None:
    """Check that a run goes on with the settings that are behind it; an older checkpoint does not say which.

    Raises
    ------
    LatentclustError
        If one was changed.
    """
    record = read_record(path)
    was = record.get("settled")
    for key, now in settled(settings, record["stage"]).items():
        if isinstance(was, dict) and key in was and was[key] != now:
            name, then = key.removesuffix(".name"), "null" if was[key] is None else was[key]
            raise LatentclustError(
                f"ckpt_path: '{path}' has {name} {then}, the settings give {now}: that is behind the run; "
                f"leave {name} out or give {name}={then}, or start a new run"
            )


def in_words(data: dict[str, Any]) -> str:
    """Say in words which inputs a record's ``data`` stands for."""
    name, number, shape = data.get("name"), data.get("images"), data.get("shape")
    sides = " x ".join(str(side) for side in shape) if isinstance(shape, list) else "?"
    digest = str(data.get("fingerprint"))[:8]
    count = number if not isinstance(number, int) else f"{number:,}"
    if isinstance(shape, list) and len(shape) == 1:
        return f"{name} ({count} vectors of {sides} features, {digest})"
    return f"{name} ({count} images of {sides}, {digest})"


def check_fit(path: Path, model: LatentModel, max_epochs: int | None = None) -> None:
    """Check that a checkpoint holds a model like this one, and can train on to ``max_epochs``.

    Raises
    ------
    LatentclustError
        If it is of another class, size or likelihood, or was trained longer already.
    """
    checkpoint = read_checkpoint(path)
    check_class(path, checkpoint, type(model))
    settings = checkpoint["hyper_parameters"]
    for name in ("input_shape", "channels", "widths", "decoder", "likelihood", "latent_dim", "n_clusters"):
        held = settings.get(name, EARLIER.get(name))
        if name in model.hparams and held != model.hparams[name]:
            raise LatentclustError(
                f"ckpt_path: '{path}' has {name} {held}, the settings give "
                f"{model.hparams.get(name)}: leave out what changes it"
            )
    done = epochs_done(path, checkpoint)
    if max_epochs is not None and done > max_epochs:
        raise LatentclustError(
            f"ckpt_path: '{path}' has {done} epochs behind it, more than max_epochs={max_epochs}: give more"
        )


def epochs_done(path: Path, checkpoint: dict[str, Any]) -> int:
    """Return how many epochs a checkpoint has behind it.

    Raises
    ------
    LatentclustError
        If it does not say.
    """
    try:
        # An epoch is counted when it begins, and once more in the checkpoint that ends it.
        done = checkpoint["loops"]["fit_loop"]["epoch_progress"]["current"]["processed"]
    except (KeyError, TypeError):
        done = None
    if not isinstance(done, int):
        raise LatentclustError(
            f"ckpt_path: '{path}' does not say how long it was trained; choose another one"
        )
    return done


def check_class(path: Path, checkpoint: dict[str, Any], kind: type[LatentModel]) -> None:
    """Check that a checkpoint holds a model of that class.

    Raises
    ------
    LatentclustError
        If it holds another.
    """
    held = checkpoint[RECORD_KEY]["model"]
    if held != kind.__name__:
        raise LatentclustError(
            f"ckpt_path: '{path}' holds a model of class {held}, not {kind.__name__}: leave out model=..."
        )
