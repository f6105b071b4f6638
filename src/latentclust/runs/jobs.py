"""The jobs of a sweep on disk: ``sweep.json`` lists them, ``job.json`` in each folder says how one ended."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from latentclust.atomic import whole_file
from latentclust.errors import LatentclustError

SWEEP, JOB = "sweep.json", "job.json"
# What a command says of how and where its jobs run: none of it tells one job from another.
OF_THE_COMMAND = ("hydra", "launcher", "sweep", "extensions")

Status = Literal["finished", "failed", "stopped", "waiting"]


class State(NamedTuple):
    """How far a job is. One that is under way counts as stopped: from outside it looks alike."""

    status: Status
    error: str | None = None
    """Why it failed, in a line."""
    continues: bool = True
    """Whether it may go on from its checkpoints: a job whose own training failed would fail again."""


class Job(NamedTuple):
    """A job of a sweep: its folder's name is its number."""

    number: int
    overrides: list[str]
    label: str
    """What tells it from the others."""


@dataclass
class Sweep:
    """What ``sweep.json`` holds.

    Attributes
    ----------
    jobs
        Of all its commands.
    """

    jobs: list[Job]

    @classmethod
    def read(cls, folder: Path) -> "Sweep | None":
        """Read it; None if there is none.

        Raises
        ------
        LatentclustError
            If it cannot be read.
        """
        path = folder / SWEEP
        if not path.is_file():
            return None
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            jobs = [Job(int(job["number"]), [*job["overrides"]], str(job["label"])) for job in kept["jobs"]]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise LatentclustError(f"'{path}' cannot be read: start the sweep anew") from error
        return cls(jobs)

    def write(self, folder: Path) -> None:
        """Write it, whole or not at all."""
        jobs = [job._asdict() for job in self.jobs]
        with whole_file(folder / SWEEP) as file:
            file.write((json.dumps({"jobs": jobs}, indent=1) + "\n").encode())

    def with_jobs(self, jobs: Sequence[Sequence[str]]) -> "tuple[Sweep, list[Job]]":
        """Return the sweep with these jobs too, and these with their numbers: equal ones keep theirs.

        Parameters
        ----------
        jobs
            Each by its overrides.
        """
        known = {identity(job.overrides): job.number for job in self.jobs}
        free = max(known.values(), default=-1) + 1
        listed = {job.number: job.overrides for job in self.jobs}
        numbers = []
        for overrides in jobs:
            number = known.setdefault(identity(overrides), free)
            free = max(free, number + 1)
            listed.setdefault(number, [text for text in overrides if not of_the_command(text)])
            numbers.append(number)
        varied = varied_keys([given(overrides) for overrides in listed.values()])
        labeled = {n: Job(n, texts, label(given(texts), varied)) for n, texts in sorted(listed.items())}
        return Sweep(list(labeled.values())), [labeled[n] for n in dict.fromkeys(numbers)]


def of_the_command(override: str) -> bool:
    """Whether an override is of how and where jobs run.

    Examples
    --------
    >>> [of_the_command(text) for text in ("hydra/launcher=joblib", "sweep.name=first", "seed=1")]
    [True, True, False]
    """
    return override.lstrip("+~").split("=")[0].split(".")[0].split("/")[0] in OF_THE_COMMAND


def identity(overrides: Sequence[str]) -> frozenset[str]:
    """Return what is the same for two jobs that are the same, in whatever order they are written."""
    return frozenset(text for text in overrides if not of_the_command(text))


def given(overrides: Sequence[str]) -> dict[str, str]:
    """Return the values of overrides by their keys, without those of the command.

    Examples
    --------
    >>> given(["model=vae", "+n_clusters=5", "~callbacks", "sweep.name=first"])
    {'model': 'vae', 'n_clusters': '5', 'callbacks': ''}
    """
    pairs = (text.lstrip("+~").partition("=") for text in overrides if not of_the_command(text))
    return {key: value.strip("'\"") for key, _, value in pairs}


def varied_keys(overrides: Sequence[Mapping[str, str]]) -> list[str]:
    """Return the keys that have different values, or that some have and others have not, in their order."""
    keys = dict.fromkeys(key for of_job in overrides for key in of_job)
    return [key for key in keys if len({of_job.get(key) for of_job in overrides}) > 1]


def label(values: Mapping[str, str], varied: Sequence[str]) -> str:
    """Name a job by what varied; by all it was given where nothing did."""
    named = [key for key in varied if key in values] or list(values)
    return " ".join(f"{key}={values[key]}" for key in named) or "as by default"


def state_of(folder: Path) -> State:
    """Return how far the job or run in a folder is."""
    try:
        kept: dict[str, Any] = json.loads((folder / JOB).read_text(encoding="utf-8"))
        return State(kept["status"], kept["error"], kept["continues"])
    except (OSError, ValueError, KeyError):
        return State("stopped" if folder.is_dir() else "waiting")


def keep_state(folder: Path, state: State) -> None:
    """Write ``job.json``."""
    with whole_file(folder / JOB) as file:
        file.write((json.dumps(state._asdict(), indent=1) + "\n").encode())
