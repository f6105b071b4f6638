"""The overrides of the run that a checkpoint belongs to."""

from pathlib import Path


def with_run_of_checkpoint(arguments: list[str]) -> list[str]:
    """Put the overrides of the run that wrote ``ckpt_path`` before the ones given here, which win.

    So ``ckpt_path=last`` alone continues a run with the settings it was started with.

    Raises
    ------
    LatentclustError
        If the checkpoint is missing, damaged or not ours.
    """
    given = dict(argument.split("=", 1) for argument in arguments if "=" in argument and argument[0] != "-")
    checkpoint = given.get("ckpt_path", "null")
    if checkpoint in {"null", ""}:
        return arguments
    from latentclust.runs.checkpoints import find_checkpoint, read_record

    path = find_checkpoint(checkpoint, Path(given.get("output_dir", "outputs").strip("'\"")))
    changed = [key.lstrip("+~") for key in given]
    saved = [text for text in read_record(path)["overrides"] if not is_changed(text, changed)]
    # They take the place of ckpt_path, because the parser wants all overrides in one row. Quotes keep Hydra's
    # grammar from reading into a path with '=', ',' or spaces.
    place = arguments.index(f"ckpt_path={checkpoint}")
    quoted = str(path).replace("'", "\\'")
    return [*arguments[:place], *saved, f"ckpt_path='{quoted}'", *arguments[place + 1 :]]


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
    if "accelerator" in changed and key in {"trainer.accelerator", "trainer.devices", "trainer.precision"}:
        return True  # the group accelerator sets these
    return any(key == other or key.startswith(f"{other}.") for other in changed)
