"""Read runs that are to be compared: whole ones with their scores, the others with what became of them."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from latentclust.errors import LatentclustError
from latentclust.evaluation.measures import scores_of
from latentclust.runs.jobs import JOB, SWEEP, State, Sweep, given, state_of

UNKNOWN = "?"  # a seed that was not given, of a run that is not whole
SUMMARY, OVERRIDES = "summary.json", ".hydra/overrides.yaml"


@dataclass(frozen=True)
class Record:
    """A run.

    Attributes
    ----------
    folder
        Where it is.
    given
        Its overrides, by their keys.
    state
        How far it is.
    summary
        What ``summary.json`` holds; None if it is not whole.
    """

    folder: Path
    given: dict[str, str]
    state: State
    summary: dict[str, Any] | None = None

    @property
    def counts(self) -> bool:
        """Whether it is compared: any job of a sweep, and elsewhere a whole training."""
        return is_job(self.folder) or self.config.get("task.name") == "fit"

    @property
    def seed(self) -> str:
        """Its seed, as text."""
        return str(self.summary["seed"] if self.summary else self.given.get("seed", UNKNOWN))

    @cached_property
    def scores(self) -> dict[str, float]:
        """Its scores by their measures' keys; none if it is not whole."""
        return scores_of(self.summary) if self.summary else {}

    @cached_property
    def config(self) -> dict[str, Any]:
        """Its settings by dotted keys."""
        return dict(leaves(self.summary["config"])) if self.summary else {}


def leaves(tree: dict[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    """Yield the values of nested dictionaries with their dotted keys."""
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def read_runs(patterns: Sequence[str]) -> list[Record]:
    """Read the runs that paths stand for: their folders, those of sweeps, or folders with any of them inside.

    Parameters
    ----------
    patterns
        Paths, ``*``, ``?`` and ``**`` stand for parts of names.

    Raises
    ------
    LatentclustError
        If there is no run, or a summary cannot be read.
    """
    folders: dict[Path, None] = {}
    for pattern in patterns:
        inside = [folder for path in matching(pattern) if path.is_dir() for folder in runs_in(path)]
        if not inside:
            raise LatentclustError(
                f"runs: there is no run in '{pattern}': give the folder of a sweep or of a run, in quotes "
                "where it has a *"
            )
        folders |= dict.fromkeys(inside)
    return [record for folder in folders if (record := read_run(folder)).counts]


def matching(pattern: str) -> list[Path]:
    """Return the paths that a pattern stands for, in their order."""
    path = Path(pattern).expanduser()
    if path.exists():
        return [path]
    root = Path(path.anchor) if path.anchor else Path()
    return sorted(root.glob(str(path.relative_to(path.anchor))))


def runs_in(folder: Path) -> list[Path]:
    """Return the folders of runs in a folder, in their order; jobs that never began are among them."""
    if (folder / SUMMARY).is_file() or (folder / JOB).is_file() or (folder / OVERRIDES).is_file():
        return [folder]
    if (sweep := Sweep.read(folder)) is not None:
        return [folder / str(job.number) for job in sweep.jobs]
    below = [path for path in folder.iterdir() if path.is_dir() and path.name[0] not in "._"]
    return [run for path in sorted(below, key=_by_number) for run in runs_in(path)]


def _by_number(path: Path) -> tuple[int, str]:
    return (int(path.name) if path.name.isdecimal() else -1, path.name)


def read_run(folder: Path) -> Record:
    """Read a run.

    Raises
    ------
    LatentclustError
        If it is whole, and its summary cannot be read.
    """
    state, path = state_of(folder), folder / SUMMARY
    # A summary is written before the figures, and a single run has no word of its end beside it.
    whole = path.is_file() and (state.status == "finished" or not is_job(folder))
    summary = None
    if whole:
        state = State("finished")
        try:
            summary = json.loads(path.read_text(encoding="utf-8"))
            summary["config"], summary["seed"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise LatentclustError(f"'{path}' cannot be read: leave the run out, or run it again") from error
    return Record(folder, _given_to(folder), state, summary)


def is_job(folder: Path) -> bool:
    """Whether a folder is that of a sweep's job."""
    return (folder / JOB).is_file() or (folder.parent / SWEEP).is_file()


def _given_to(folder: Path) -> dict[str, str]:
    """Return a run's overrides; that of a job that never began are in its sweep's list."""
    if (sweep := Sweep.read(folder.parent)) is not None:
        for job in sweep.jobs:
            if str(job.number) == folder.name:
                return given(job.overrides)
    try:
        return given([str(text) for text in yaml.safe_load((folder / OVERRIDES).read_text()) or []])
    except (OSError, TypeError, yaml.YAMLError):
        return {}
