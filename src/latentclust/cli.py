"""The command line: compose the config, run the chosen task, say errors in one clear line.

Nothing heavy is imported before the config is composed and checked, so that ``--help``, tab completion and
the line that names a mistake come at once.
"""

import logging
import os
import shlex
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from latentclust import __version__
from latentclust.compose import composing
from latentclust.door import check_command_line, parse, runs_nothing
from latentclust.errors import LatentclustError, StoppedError, TerminatedError
from latentclust.explain import explain
from latentclust.running import CONF, JobFailedError, leads, run_job, run_task, say, train_along
from latentclust.runs.launching import how_to_finish
from latentclust.runs.overrides import with_run_of_checkpoint
from latentclust.settings import Settings
from latentclust.signals import heeded, was_terminated
from latentclust.sweeping import by_one_process, pinned, resumed
from latentclust.vetting import Vocabulary, config_dirs

FULL_ERROR = "HYDRA_FULL_ERROR"
# Read before main() sets it for Hydra's sake.
WITH_TRACEBACKS = os.environ.get(FULL_ERROR) == "1"


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


def fail(message: str, exit_code: int) -> NoReturn:
    """Print ``message`` to standard error and exit."""
    say(message)
    sys.exit(exit_code)
