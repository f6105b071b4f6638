"""The command line: compose the config, run the chosen task, say errors in one clear line.

Nothing heavy is imported before the config is composed and checked, so that ``--help``, tab completion and
the line that names a mistake come at once.
"""

import logging
import os
import shlex
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from latentclust import __version__
from latentclust.compose import OF_ALL, composing, without_hydra
from latentclust.door import check_command_line, parse, runs_nothing
from latentclust.errors import LatentclustError, OutOfTimeError, StoppedError, TerminatedError
from latentclust.explain import explain
from latentclust.processes import place_given
from latentclust.runs.jobs import State, Sweep, given, keep_state, label
from latentclust.runs.launching import how_to_finish
from latentclust.runs.overrides import with_run_of_checkpoint
from latentclust.settings import Settings, check_settings
from latentclust.signals import heeded, was_terminated
from latentclust.sweeping import by_one_process, pinned, resumed
from latentclust.vetting import Vocabulary, config_dirs

log = logging.getLogger(__name__)

PACKAGE = Path(__file__).resolve().parent
# In a checkout conf/ is at the top level; a wheel carries it inside the package.
CONF = next(
    (p for p in (PACKAGE.parents[1] / "conf", PACKAGE / "conf") if (p / "config.yaml").is_file()), PACKAGE
)

FULL_ERROR = "HYDRA_FULL_ERROR"
# Read before main() sets it for Hydra's sake.
WITH_TRACEBACKS = os.environ.get(FULL_ERROR) == "1"


class JobFailedError(LatentclustError):
    """A job of a sweep failed, and has said why."""


def job(cfg: DictConfig) -> float | None:
    """Check the settings and run the task that ``cfg.task`` names, as a run or as a job of a sweep.

    Returns
    -------
    The metric ``cfg.optimized_metric`` for a sweeper, or None where the task has none.
    """
    if HydraConfig.get().mode is RunMode.MULTIRUN:
        return run_job(cfg, WITH_TRACEBACKS)
    try:
        return run_task(cfg)
    except LatentclustError as error:
        if WITH_TRACEBACKS:
            raise
        fail(str(error), error.exit_code)


run = hydra.main(version_base="1.3", config_path=str(CONF), config_name="config")(job)


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


def run_sweep(folder: Path, arguments: list[str], overrides: list[str]) -> None:
    """Run a sweep whose folder is known, and end with its table.

    Raises
    ------
    LatentclustError
        If another process runs it, or a job has failed; after everything was written.
    """
    sys.argv[1:] = pinned(arguments, overrides, folder)
    with by_one_process(folder):
        with suppress(JobFailedError):  # it is in the table
            run()
        from latentclust.tasks.compare import end_of_sweep

        end_of_sweep(folder, how_to_finish(folder, arguments, overrides))


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
    """Help the first process, which makes the run's folder; a task that trains nothing needs no help."""
    if settings.task.name != "fit":
        return
    from latentclust.runs.companions import assist
    from latentclust.tasks.fit import fit_along

    try:
        assist(settings, fit_along)
    except LatentclustError as error:
        place = place_given()
        fail(f"process {place.rank + 1} of {place.world_size}: {error}", error.exit_code)


@contextmanager
def disk_errors_explained() -> Iterator[None]:
    """Make an error of the operating system, such as a full disk, one of ours."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise LatentclustError(explain(error, CONF, arguments=sys.argv[1:])) from error


def main() -> None:
    """Run the command line; bad input ends in one line and exit status 2, Ctrl-C in 130, SIGTERM in 143.

    None of them shows a traceback.
    With ``HYDRA_FULL_ERROR=1`` every error keeps its traceback.
    """
    # A line that the log has no room for is lost, without a traceback at each.
    logging.raiseExceptions = WITH_TRACEBACKS
    threading.excepthook = report_thread_error
    # Hydra then lets its exceptions through to us instead of printing them.
    os.environ[FULL_ERROR] = "1"
    sweep: Path | None = None
    arguments = sys.argv[1:]
    try:
        if "--version" in sys.argv:
            print(f"latentclust {__version__}")
            return
        with heeded():
            vocabulary = Vocabulary((CONF, *config_dirs(sys.argv[1:])))
            sys.argv[1:] = resumed(sys.argv[1:], vocabulary.objection)
            sys.argv[1:] = with_run_of_checkpoint(sys.argv[1:], vocabulary.objection)
            arguments = sys.argv[1:]
            flags = parse(arguments)
            if runs_nothing(flags):
                run()
                return
            with composing(flags, CONF) as composer:
                checked = check_command_line(composer, flags, CONF)
                if isinstance(checked, Settings) and leads(checked):
                    composer.run(job, flags.overrides)
                    return
            if isinstance(checked, Settings):
                train_along(checked)
            else:
                sweep = checked
                run_sweep(sweep, arguments, flags.overrides)
    except BrokenPipeError:  # such as `--help | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (LatentclustError, HydraException, OmegaConfBaseException, OSError) as error:
        if WITH_TRACEBACKS:
            raise
        fail(
            explain(error, CONF, arguments=sys.argv[1:]),
            getattr(error, "exit_code", LatentclustError.exit_code),
        )
    except KeyboardInterrupt:
        if WITH_TRACEBACKS:
            raise
        kind = TerminatedError if was_terminated() else StoppedError
        finish = sweep and how_to_finish(sweep, arguments, parse(arguments).overrides)
        if finish:
            fail(f"the sweep is stopped; nothing is lost, finish it with: {finish}", kind.exit_code)
        again = shlex.join(["python", "-m", "latentclust", *arguments])
        fail(f"stopped; nothing is lost, start again with: {again}", kind.exit_code)


def report_thread_error(error: threading.ExceptHookArgs) -> None:
    """Leave an error of the operating system to the main thread, which meets the same disk and explains it.

    TensorBoard writes its events in a thread of its own and raises its error in both.
    """
    if WITH_TRACEBACKS or not isinstance(error.exc_value, OSError):
        threading.__excepthook__(error)


def say(message: str) -> None:
    """Print a line to standard error."""
    print(f"latentclust: {message}", file=sys.stderr)


def fail(message: str, exit_code: int) -> NoReturn:
    """Print ``message`` to standard error and exit."""
    say(message)
    sys.exit(exit_code)
