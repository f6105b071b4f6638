"""Find the checkpoint to go on from: the newest that is whole."""

import shlex
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from latentclust.errors import LatentclustError
from latentclust.runs.checkpoints import read_checkpoint


class Found(NamedTuple):
    """A checkpoint that was looked for."""

    path: Path
    damaged: list[Path]
    """Newer ones that were passed over, because they cannot be read."""


def find_checkpoint(name: str, output_dir: Path) -> Found:
    """Return the checkpoint of that path, or for ``last`` the newest whole one of all runs.

    A run's ``last.ckpt`` is newer than its ``best.ckpt``, which stands in for one that cannot be read.

    Raises
    ------
    LatentclustError
        If there is none.
    """
    if name != "last":
        path = Path(name.strip("'\"")).expanduser()
        if not path.is_file():
            raise LatentclustError(f"ckpt_path: there is no file '{path}'; give a .ckpt file, or `last`")
        check_whole(path.resolve())
        return Found(path.resolve(), [])
    damaged: list[Path] = []
    for path in newest_first(output_dir.glob("**/checkpoints")):
        if is_whole(path):
            return Found(path.resolve(), damaged)
        damaged.append(path)
    if damaged:
        raise LatentclustError(
            f"ckpt_path=last: no checkpoint under '{output_dir}' can be read; the newest, '{damaged[0]}', is "
            "damaged: train again"
        )
    raise LatentclustError(f"ckpt_path=last: no run under '{output_dir}' has a checkpoint; train one first")


def newest_first(folders: Iterator[Path]) -> list[Path]:
    """Return the checkpoints in folders: the newest run's first, and of a run ``last.ckpt`` first."""
    runs = []
    for folder in folders:
        files = []
        for path in folder.glob("*.ckpt"):
            with suppress(OSError):  # another run may replace it right now
                files.append((path.name == "last.ckpt", path.stat().st_mtime, path))
        if files:
            runs.append((max(time for _, time, _ in files), sorted(files, reverse=True)))
    runs.sort(key=lambda run: run[0], reverse=True)
    return [path for _, files in runs for _, _, path in files]


def newest_whole(folder: Path) -> Path | None:
    """Return the newest checkpoint of a stage's folder that can be read, or None."""
    return next((path for path in newest_first(iter([folder / "checkpoints"])) if is_whole(path)), None)


def check_whole(path: Path) -> None:
    """Check that a checkpoint can be read.

    Raises
    ------
    LatentclustError
        If it cannot; it names another one of the same run that can.
    """
    try:
        read_checkpoint(path)
    except LatentclustError as error:
        other = newest_whole(path.parents[1]) if path.parent.name == "checkpoints" else None
        if other is None:
            raise
        raise LatentclustError(f"{error}, such as ckpt_path={shlex.quote(str(other))}") from error


def is_whole(path: Path) -> bool:
    """Whether a file is a checkpoint of ours, to its last byte."""
    try:
        read_checkpoint(path)
    except LatentclustError:
        return False
    return True
