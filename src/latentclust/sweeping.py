"""A sweep's folder: known before the jobs begin, held by one process, and told at the end."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from hydra.types import RunMode
from omegaconf import OmegaConf

from latentclust.compose import Composer
from latentclust.errors import LatentclustError
from latentclust.runs.jobs import Sweep, of_the_command

RESUME = "sweep.resume"


def resumed(arguments: list[str], objection: Callable[[str], str | None]) -> list[str]:
    """Make a sweep of a command line with ``sweep.resume=FOLDER``, whose jobs are those in the folder.

    Parameters
    ----------
    arguments
        Of the command line.
    objection
        What speaks against taking an override from a file; None if nothing does.

    Raises
    ------
    LatentclustError
        If there is no sweep, a job has an override that is not taken from a file, or the command has settings
        of its own.
    """
    given = [text for text in arguments if text.startswith(f"{RESUME}=")]
    if not given or given[-1].partition("=")[2] in {"", "null"}:
        return arguments
    folder = Path(given[-1].partition("=")[2].strip("'\"")).expanduser()
    for job in sweep_in(folder).jobs:
        for text in job.overrides:
            if (reason := objection(text)) is not None:
                raise LatentclustError(
                    f"{RESUME}: job {job.number} of '{folder}' has the override {text!r}, which is not taken "
                    f"from a file: {reason}; give the sweep's own command with hydra.sweep.dir='{folder}'"
                )
    own = [text for text in arguments if "=" in text and text[0] != "-" and not of_the_command(text)]
    if own:
        raise LatentclustError(
            f"{RESUME} runs jobs with the settings that they have: leave out {own[0]}; more jobs come with "
            "the sweep's own command and sweep.name=NAME"
        )
    return arguments if {"-m", "--multirun"} & set(arguments) else ["-m", *arguments]


def sweep_in(folder: Path) -> Sweep:
    """Read the sweep in a folder.

    Raises
    ------
    LatentclustError
        If there is none.
    """
    sweep = Sweep.read(folder)
    if sweep is None:
        raise LatentclustError(
            f"{RESUME}: there is no sweep in '{folder}': give the folder that has its sweep.json, such as "
            "outputs/multirun/<date>/<time>"
        )
    return sweep


def folder_of(composer: Composer, overrides: Sequence[str]) -> Path:
    """Return the folder that a sweep gets: the one to resume, one of its name, or a new one."""
    cfg = composer.hydra.compose_config(
        composer.config_name, list(overrides), RunMode.MULTIRUN, from_shell=False
    )
    resume, name = (OmegaConf.select(cfg, f"sweep.{key}") for key in ("resume", "name"))
    if resume:
        return Path(resume).expanduser()
    if name is not None and not any(text.startswith("hydra.sweep.dir=") for text in overrides):
        return Path(cfg.output_dir) / "multirun" / str(name)
    return Path(cfg.hydra.sweep.dir)


def pinned(arguments: list[str], overrides: Sequence[str], folder: Path) -> list[str]:
    """Put a sweep's folder onto the command line, beside the other overrides as the parser wants it."""
    kept = [text for text in arguments if not text.startswith("hydra.sweep.dir=")]
    others = [text for text in overrides if text in kept]
    place = kept.index(others[0]) if others else len(kept)
    quoted = str(folder).replace("'", "\\'")
    return [*kept[:place], f"hydra.sweep.dir='{quoted}'", *kept[place:]]


@contextmanager
def by_one_process(folder: Path) -> Iterator[None]:
    """Hold a sweep's folder, so that no job runs twice at once.

    Raises
    ------
    LatentclustError
        If another process runs the sweep.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise LatentclustError(
            f"another process runs the sweep in '{folder}': wait for it, or give this one another sweep.name"
        ) from None
    except NotImplementedError:  # a file system without locks
        pass
    try:
        yield
    finally:
        lock.release()
