"""The overrides of the run that a checkpoint belongs to."""

import sys
from collections.abc import Callable
from pathlib import Path

from latentclust.errors import LatentclustError
from latentclust.settings.habits import MOVED

# The overrides that belong to one call and not to the run that a checkpoint continues.
# Modules are among them: a checkpoint from a stranger must not say what is imported.
OF_ONE_CALL = {"ckpt_path", "task", "extensions", "launcher"}
# How many folders up from a checkpoint its run's output_dir can be: of a run and of a job of a sweep, whose
# checkpoints lie in its own folder or in that of its pretraining.
OUTPUT_DIRS = slice(3, 7)


def with_run_of_checkpoint(arguments: list[str], objection: Callable[[str], str | None]) -> list[str]:
    """Put the overrides of the run that wrote ``ckpt_path`` before the ones given here, which win.

    So ``ckpt_path=last`` alone continues a run with the settings it was started with.

    Parameters
    ----------
    arguments
        Of the command line.
    objection
        What speaks against taking an override from a checkpoint; None if nothing does.

    Raises
    ------
    LatentclustError
        If the checkpoint is missing, damaged or not ours, or has an override that none of our runs has.
    """
    given = dict(argument.split("=", 1) for argument in arguments if "=" in argument and argument[0] != "-")
    checkpoint = given.get("ckpt_path", "null")
    if checkpoint in {"null", ""}:
        return arguments
    from latentclust.runs.checkpoints import read_record
    from latentclust.runs.finding import find_checkpoint

    path, damaged = find_checkpoint(checkpoint, Path(given.get("output_dir", "outputs").strip("'\"")))
    if damaged:
        passed = ", ".join(f"'{file}'" for file in damaged)
        print(f"latentclust: {passed} cannot be read: going on from '{path}' instead", file=sys.stderr)
    changed = [key.lstrip("+~") for key in given]
    saved = [with_new_name(text) for text in read_record(path)["overrides"]]
    for text in saved:
        if (reason := objection(text)) is not None:
            raise LatentclustError(
                f"ckpt_path: '{path}' brings the override {text!r}, which is not taken from a file: {reason}"
            )
    saved = [text for text in saved if not is_changed(text, changed) and not leads_away(text, path)]
    # They take the place of ckpt_path, because the parser wants all overrides in one row. Quotes keep Hydra's
    # grammar from reading into a path with '=', ',' or spaces.
    place = arguments.index(f"ckpt_path={checkpoint}")
    quoted = str(path).replace("'", "\\'")
    return [*arguments[:place], *saved, f"ckpt_path='{quoted}'", *arguments[place + 1 :]]


def with_new_name(saved: str) -> str:
    """Return an override of an earlier version with its key as it is called now.

    Examples
    --------
    >>> with_new_name("model.n_clusters=15")
    'n_clusters=15'
    """
    key, sign, value = saved.partition("=")
    bare = key.lstrip("+~")
    return f"{key.removesuffix(bare)}{MOVED.get(bare, bare)}{sign}{value}"


def leads_away(saved: str, checkpoint: Path) -> bool:
    """Whether an override sets an ``output_dir`` that the checkpoint does not lie in: one of a copied file.

    Then it stands for a place on another machine, or for one that a stranger chose.

    Examples
    --------
    >>> of_mine = Path("/data/runs/2026-01-31/12-00-00-000000/checkpoints/last.ckpt")
    >>> leads_away("output_dir=/data/runs", of_mine), leads_away("output_dir=/elsewhere", of_mine)
    (False, True)
    """
    key, _, value = saved.partition("=")
    folders = list(checkpoint.parents)[OUTPUT_DIRS]
    return key.lstrip("+~") == "output_dir" and Path(value.strip("'\"")).resolve() not in folders


def is_changed(saved: str, changed: list[str]) -> bool:
    """Whether one of the keys and groups in ``changed`` takes the place of a saved override.

    A group takes the place of its own keys: ``model=vae`` drops ``model.gamma=exact``.

    Examples
    --------
    >>> is_changed("model.gamma=exact", ["model"])
    True
    >>> is_changed("model=vade", ["model.gamma"])
    False
    """
    key = saved.split("=", 1)[0].lstrip("+~")
    if "accelerator" in changed and key in {"trainer.accelerator", "trainer.precision"}:
        return True  # the group accelerator sets these
    return any(key == other or key.startswith(f"{other}.") for other in changed)
