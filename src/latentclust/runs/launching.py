"""Which jobs of a sweep are launched, and how each goes on."""

import shlex
import shutil
from collections.abc import Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path

from latentclust.runs.jobs import JOB, Job, State, Sweep, given, of_the_command, state_of

STAGES = ("", "pretrain")


def to_launch(folder: Path, asked: Sequence[Sequence[str]], command: Sequence[str]) -> list[list[str]]:
    """Note a sweep's jobs in ``sweep.json``, and return the overrides of those that are not finished.

    A job that was stopped goes on from its last checkpoint, with its own folder. One that failed begins anew,
    unless something outside was to blame, such as a full disk.

    Parameters
    ----------
    folder
        The sweep's.
    asked
        The jobs that the command asks for, each by its overrides; none: all that the sweep has.
    command
        The command's overrides.

    Raises
    ------
    LatentclustError
        If the folder's list of jobs cannot be read or written.
    """
    sweep, jobs = (Sweep.read(folder) or Sweep([])).with_jobs(asked)
    jobs = jobs if asked else sweep.jobs
    sweep.write(folder)
    states = {job.number: state_of(folder / str(job.number)) for job in jobs}
    open_jobs = [job for job in jobs if states[job.number].status != "finished"]
    of_command = [t for t in command if of_the_command(t) and not t.startswith(("sweep.", "hydra"))]
    begun = [state.status for state in states.values()]
    told = [f"{begun.count('finished')} finished"] if begun.count("finished") else []
    told += [f"{begun.count(status)} {status}" for status in ("stopped", "failed") if begun.count(status)]
    so_far = f" ({', '.join(told)})" if told else ""
    print(f"Sweep of {len(jobs)} jobs{so_far}: {folder}", flush=True)
    return [
        [*continued(folder / str(job.number), job, states[job.number]), *of_command, subdir(job)]
        for job in open_jobs
    ]


def subdir(job: Job) -> str:
    """Return the override that gives a job its folder."""
    return f"hydra.sweep.subdir='{job.number}'"


def continued(folder: Path, job: Job, state: State) -> list[str]:
    """Return a job's overrides, with the checkpoint that it goes on from if there is one.

    What an earlier attempt has left is set aside, or removed where nothing of it goes on.
    """
    with suppress(FileNotFoundError):
        (folder / JOB).unlink()
    if state.status == "failed" and not state.continues:
        for name in ("checkpoints", "pretrain", "tensorboard"):
            shutil.rmtree(folder / name, ignore_errors=True)
    values = given(job.overrides)
    if "ckpt_path" in values or values.get("task", "fit") != "fit":
        return job.overrides
    if not any((folder / stage / "checkpoints").is_dir() for stage in STAGES):
        return job.overrides
    from latentclust.runs.checkpoints import read_record
    from latentclust.runs.finding import newest_whole

    checkpoint = next(filter(None, (newest_whole(folder / stage) for stage in STAGES)), None)
    if checkpoint is None:
        return job.overrides
    for stage in STAGES:
        set_aside(folder / stage / "metrics.csv")
    # What was left to the run has been chosen, and is not chosen again.
    chosen = given(read_record(checkpoint)["overrides"])
    overrides = [
        f"{key}={chosen[key]}" if values.get(key) == "auto" and key in chosen else text
        for key, text in zip(map(key_of, job.overrides), job.overrides, strict=True)
    ]
    quoted = str(checkpoint.resolve()).replace("'", "\\'")
    return [*overrides, f"ckpt_path='{quoted}'"]


def key_of(override: str) -> str:
    """Return the key of an override."""
    return override.lstrip("+~").partition("=")[0]


def set_aside(path: Path) -> None:
    """Rename a file to the first free ``<name>-<number>``: Lightning would delete it."""
    if path.is_file():
        names = (path.with_name(f"{path.stem}-{number}{path.suffix}") for number in count(1))
        path.rename(next(name for name in names if not name.exists()))


def how_to_finish(folder: Path, arguments: Sequence[str], overrides: Sequence[str]) -> str | None:
    """Return the command that finishes a sweep; None where its jobs are not listed.

    Parameters
    ----------
    folder
        The sweep's.
    arguments, overrides
        Of the command line that began it; the overrides are among the arguments.
    """
    if Sweep.read(folder) is None:
        return None
    flags = [text for text in arguments if text not in overrides and text not in {"-m", "--multirun"}]
    more = [t for t in overrides if of_the_command(t) and not t.startswith(("sweep.", "hydra.sweep.dir="))]
    return shlex.join(["python", "-m", "latentclust", *flags, f"sweep.resume={folder}", *more])
