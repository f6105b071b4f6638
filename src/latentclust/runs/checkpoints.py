"""Find, check and read checkpoints."""

from pathlib import Path
from typing import Any

import torch

from latentclust.callbacks.checkpoints import RECORD_KEY
from latentclust.errors import LatentclustError
from latentclust.models import LatentModel


def find_checkpoint(name: str, output_dir: Path) -> Path:
    """Return the path of a checkpoint, or for ``last`` that of the newest ``last.ckpt`` of all runs.

    Raises
    ------
    LatentclustError
        If there is none.
    """
    if name == "last":
        found = sorted(output_dir.glob("**/checkpoints/last.ckpt"), key=lambda path: path.stat().st_mtime)
        if not found:
            raise LatentclustError(
                f"ckpt_path=last: no run under '{output_dir}' has a checkpoint; train one first"
            )
        return found[-1].resolve()
    path = Path(name.strip("'\"")).expanduser()
    if not path.is_file():
        raise LatentclustError(f"ckpt_path: there is no file '{path}'; give a .ckpt file, or `last`")
    return path.resolve()


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read one of our checkpoints onto the CPU; nothing in it is executed.

    Raises
    ------
    LatentclustError
        If it is missing, damaged or was not written by latentclust.
    """
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise LatentclustError(
            f"ckpt_path: there is no file '{path}'; give a .ckpt file, or `last`"
        ) from error
    except Exception as error:  # torch raises many kinds for a damaged or foreign file
        raise LatentclustError(
            f"ckpt_path: '{path}' cannot be read: it is cut off, damaged or no checkpoint; choose another one"
        ) from error
    if not isinstance(checkpoint, dict) or RECORD_KEY not in checkpoint:
        raise LatentclustError(f"ckpt_path: '{path}' was not written by latentclust; choose one of its runs'")
    return checkpoint


def read_record(path: Path) -> dict[str, Any]:
    """Return the record of the run that wrote a checkpoint: ``version``, ``stage`` and ``overrides``.

    Raises
    ------
    LatentclustError
        As :func:`read_checkpoint` does.
    """
    record: dict[str, Any] = read_checkpoint(path)[RECORD_KEY]
    return record


def check_fit(path: Path, model: LatentModel, max_epochs: int | None = None) -> None:
    """Check that a checkpoint holds a model like this one, and can train on to ``max_epochs``.

    Raises
    ------
    LatentclustError
        If it is of another class or size, or was trained longer already.
    """
    checkpoint = read_checkpoint(path)
    kind, settings = checkpoint[RECORD_KEY]["model"], checkpoint["hyper_parameters"]
    if kind != type(model).__name__:
        raise LatentclustError(
            f"ckpt_path: '{path}' holds a model of class {kind}, not {type(model).__name__}: "
            "leave out model=..."
        )
    for name in ("input_shape", "channels", "widths", "latent_dim", "n_clusters"):
        if settings.get(name) != model.hparams.get(name):
            raise LatentclustError(
                f"ckpt_path: '{path}' has {name} {settings.get(name)}, the settings give "
                f"{model.hparams.get(name)}: leave out what changes it"
            )
    # An epoch is counted when it begins, and once more in the checkpoint that ends it.
    done = checkpoint["loops"]["fit_loop"]["epoch_progress"]["current"]["processed"]
    if max_epochs is not None and done > max_epochs:
        raise LatentclustError(
            f"ckpt_path: '{path}' has {done} epochs behind it, more than max_epochs={max_epochs}: give more"
        )
