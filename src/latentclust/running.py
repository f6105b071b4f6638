"""Run a task that Hydra has composed: as a run, as a job of a sweep, or beside the process that leads."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from latentclust.compose import OF_ALL, without_hydra
from latentclust.errors import LatentclustError, OutOfTimeError, StoppedError
from latentclust.explain import explain
from latentclust.processes import place_given
from latentclust.runs.jobs import State, Sweep, given, keep_state, label
from latentclust.settings import Settings, check_settings
from latentclust.vetting import config_dirs

log = logging.getLogger(__name__)

PACKAGE = Path(__file__).resolve().parent
# In a checkout conf/ is at the top level; a wheel carries it inside the package.
CONF = next(
    (p for p in (PACKAGE.parents[1] / "conf", PACKAGE / "conf") if (p / "config.yaml").is_file()), PACKAGE
)


class JobFailedError(LatentclustError):
    """A job of a sweep failed, and has said why."""


def run_task(cfg: DictConfig, in_sweep: str | None = None) -> float | None:
    """Check the settings and run a task in the folder that Hydra has made for it."""
    settings = check_settings(without_hydra(cfg))  # of a large sweep, not every job was checked before
    if settings.task.name == "search":
        search_settings(settings)
        return None
    with disk_errors_explained():
        from latentclust.runs.run import Run
        from latentclust.tasks import TASKS
        from latentclust.training.quiet import silence_known_warnings

        silence_known_warnings()
        hydra_config = HydraConfig.get()
        run = Run(Path(hydra_config.runtime.output_dir), list(hydra_config.overrides.task))
        run.in_sweep = in_sweep
        run.job = hydra_config.job.name if hydra_config.job.name != "latentclust" else None
        return TASKS[settings.task.name](settings, run)


def run_job(cfg: DictConfig, with_tracebacks: bool) -> float | None:
    """Run a job of a sweep, and keep in its folder what became of it.

    A job that fails says why and does not stop the others: the sweep's end tells of it. What is killed leaves
    no word, and counts as stopped. It may run in another process or on another machine than the sweep.
    """
    hydra_config = HydraConfig.get()
    folder = Path(hydra_config.runtime.output_dir)
    sweep, name = Sweep.read(folder.parent), folder.name
    jobs = {str(job.number): job.label for job in sweep.jobs} if sweep is not None else {}
    what = jobs.get(name) or label(given(list(hydra_config.overrides.task)), [])
    in_sweep = f"Job {name}{f' of {len(jobs)}' if jobs else ''}, {what}"
    print(f"{in_sweep}: begun", flush=True)
    try:
        value = run_task(cfg, in_sweep)
    except StoppedError as error:
        if with_tracebacks:
            raise
        raise KeyboardInterrupt from error
    except Exception as error:
        ours = isinstance(error, LatentclustError)
        why = str(error) if ours else f"{type(error).__name__}: {' '.join(str(error).split())}"
        # Of time and of the disk another attempt may have more.
        goes_on = isinstance(error, OutOfTimeError) or isinstance(error.__cause__, OSError)
        keep_state(folder, State("failed", why, goes_on))
        log.debug("failed: %s", why, exc_info=not ours)
        if with_tracebacks:
            raise
        say(f"{in_sweep}: failed: {why}")
        if hydra_config.sweeper._target_ in OF_ALL:
            return None
        raise JobFailedError from error  # other sweepers look at the values
    keep_state(folder, State("finished"))
    return value


def search_settings(settings: Settings) -> None:
    """Run a search.

    Raises
    ------
    LatentclustError
        If it is one of a sweep.
    """
    from latentclust.searching import search

    hydra_config = HydraConfig.get()
    if hydra_config.mode is RunMode.MULTIRUN:
        raise LatentclustError("task=search is many runs by itself: leave out -m")
    further = next((str(path) for path in config_dirs(sys.argv[1:])), None)
    kept = HydraConfig.instance().cfg
    try:
        search(settings, list(hydra_config.overrides.task), CONF, further)
    finally:
        HydraConfig.instance().cfg = kept  # composing trials has taken it away


def leads(settings: Settings) -> bool:
    """Whether this process makes the run's folder: of several that train together, the first."""
    return settings.trainer.n_processes == 1 or place_given().rank == 0


def train_along(settings: Settings) -> None:
    """Help the first process, which makes the run's folder; a task that trains nothing needs no help.

    Raises
    ------
    LatentclustError
        That also says which process has failed.
    """
    if settings.task.name != "fit":
        return
    from latentclust.runs.companions import assist
    from latentclust.tasks.fit import fit_along

    try:
        assist(settings, fit_along)
    except LatentclustError as error:
        place = place_given()
        error.args = (f"process {place.rank + 1} of {place.world_size}: {error}",)
        raise


@contextmanager
def disk_errors_explained() -> Iterator[None]:
    """Make an error of the operating system, such as a full disk, one of ours."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise LatentclustError(explain(error, CONF, arguments=sys.argv[1:])) from error


def say(message: str) -> None:
    """Print a line to standard error."""
    print(f"latentclust: {message}", file=sys.stderr)
