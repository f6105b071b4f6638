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
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from latentclust import __version__
from latentclust.compose import without_hydra
from latentclust.door import check_command_line
from latentclust.errors import LatentclustError, StoppedError, TerminatedError
from latentclust.explain import explain
from latentclust.runs.overrides import with_run_of_checkpoint
from latentclust.settings import Settings, check_settings
from latentclust.signals import heeded, was_terminated
from latentclust.vetting import Vocabulary, config_dirs

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


@hydra.main(version_base="1.3", config_path=str(CONF), config_name="config")
def run(cfg: DictConfig) -> float | None:
    """Check the settings and run the task that ``cfg.task`` names.

    Returns
    -------
    The metric ``cfg.optimized_metric`` for a sweeper, or None where the task has none.
    """
    try:
        settings = check_settings(without_hydra(cfg))  # of a large sweep, not every job was checked before
        with disk_errors_explained():
            return run_task(settings)
    except LatentclustError as error:
        if WITH_TRACEBACKS:
            raise
        hydra_config = HydraConfig.get()
        if hydra_config.mode is not RunMode.MULTIRUN:
            fail(str(error), error.exit_code)
        say(f"job {hydra_config.job.num} of the sweep: {error}")
        if isinstance(error, StoppedError):
            sys.exit(error.exit_code)
        # Hydra goes on with the next job, and raises this again after the last one.
        raise JobFailedError from error


def run_task(settings: Settings) -> float | None:
    """Run a task in the folder that Hydra has made for it."""
    from latentclust.runs.run import Run
    from latentclust.tasks import TASKS
    from latentclust.training.quiet import silence_known_warnings

    silence_known_warnings()
    hydra_config = HydraConfig.get()
    run = Run(Path(hydra_config.runtime.output_dir), list(hydra_config.overrides.task))
    return TASKS[settings.task.name](settings, run)


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
    try:
        if "--version" in sys.argv:
            print(f"latentclust {__version__}")
            return
        with heeded():
            vocabulary = Vocabulary((CONF, *config_dirs(sys.argv[1:])))
            sys.argv[1:] = with_run_of_checkpoint(sys.argv[1:], vocabulary.objection)
            check_command_line(sys.argv[1:], CONF)
            run()
    except BrokenPipeError:  # such as `--help | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except JobFailedError as failed:
        sys.exit(failed.exit_code)
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
        again = shlex.join(["python", "-m", "latentclust", *sys.argv[1:]])
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
