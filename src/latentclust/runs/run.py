"""A run: its folder, its clock, and where it continues."""

import logging
import shlex
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from time import perf_counter

import lightning as L
from rich.console import Console

from latentclust import progress
from latentclust.allocator import keep_freed_memory
from latentclust.data import DataModule
from latentclust.errors import LatentclustError, StoppedError, TerminatedError
from latentclust.hardware import choose_accelerator
from latentclust.runs.checkpoints import check_data, read_record
from latentclust.runs.finding import find_checkpoint, newest_whole
from latentclust.runs.overrides import OF_ONE_CALL
from latentclust.settings.trainer import Trainer
from latentclust.signals import was_terminated
from latentclust.terminal import show_bars

log = logging.getLogger(__name__)


@dataclass
class Run:
    """What one run shares between its stages.

    Attributes
    ----------
    folder
        Where it writes; by default a new one among the system's temporary files.
    arguments
        The command line's overrides; none where a run is started from Python.
    checkpoint
        Where it continues from, or what it uses; None for a fresh start.
    stage
        The stage that wrote the checkpoint, ``pretrain`` or ``train``; None for a fresh start.
    deadline
        When to stop training, on the clock of ``time.perf_counter``, or None.
    commit
        Of the code, when the run began.
    seconds
        What each stage took.
    warnings
        What a reader of the results must know.
    chosen
        What the run chose for keys that were left to it; a continuation takes it along.
    in_sweep
        Which job of a sweep it is, in words; None where it is none.
    job
        The name that the user gave it (``hydra.job.name``), or None.
    callbacks
        Further ones of the training, its first stage aside.
    """

    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="latentclust-")))
    arguments: Sequence[str] = ()
    checkpoint: Path | None = None
    stage: str | None = None
    deadline: float | None = None
    commit: str | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    begun: bool = False
    chosen: dict[str, str] = field(default_factory=dict)
    in_sweep: str | None = None
    job: str | None = None
    callbacks: Sequence[L.Callback] = ()

    def begin(self, trainer: Trainer, seed: int, ckpt_path: str | None, output_dir: Path) -> None:
        """Prepare hardware and memory, seed everything, find the checkpoint; does nothing at a second call.

        Raises
        ------
        LatentclustError
            If the machine lacks the hardware, or the checkpoint cannot be used.
        """
        if self.begun:
            return
        choose_accelerator(trainer.accelerator)  # rather now than after a download
        keep_freed_memory()
        show_bars(trainer.enable_progress_bar)
        L.seed_everything(seed, verbose=False)
        self.commit = commit()
        if ckpt_path is not None:
            self.checkpoint = find_checkpoint(ckpt_path, output_dir).path
            self.stage = read_record(self.checkpoint)["stage"]
        if trainer.max_time is not None:
            self.deadline = perf_counter() + parse_duration(trainer.max_time)
        self.begun = True

    @property
    def command(self) -> str:
        """The command that repeats it."""
        return shlex.join(["python", "-m", "latentclust", *self.arguments])

    @property
    def overrides(self) -> list[str]:
        """The arguments that a continuation takes along."""
        left_out = OF_ONE_CALL | set(self.chosen)
        given = [text for text in self.arguments if text.lstrip("+~").split("=")[0] not in left_out]
        return given + [f"{key}={value}" for key, value in self.chosen.items()]

    def checkpoint_of(self, stage: str) -> Path | None:
        """Return the checkpoint if it is of that stage."""
        return self.checkpoint if self.stage == stage else None

    def check_data(self, data: DataModule, name: str) -> None:
        """Check that the run goes on with the inputs that its checkpoint was trained on.

        Raises
        ------
        LatentclustError
            If they are others.
        """
        if self.checkpoint is not None and (doubt := check_data(self.checkpoint, data, name)):
            self.warn(doubt)

    def warn(self, message: str) -> None:
        """Say it now, and in the summary and the report."""
        tell(message)
        self.warnings.append(message)

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Keep the time that the block takes, and say that it is under way."""
        start = perf_counter()
        with progress.task(stage):
            yield
        self.seconds[stage] = round(self.seconds.get(stage, 0.0) + perf_counter() - start, 2)

    @contextmanager
    def stopping(self) -> Iterator[None]:
        """Turn Ctrl-C and SIGTERM into one line that says how to go on.

        Raises
        ------
        StoppedError
            In place of the KeyboardInterrupt, or of the SystemExit that Lightning makes of it.
        """
        try:
            yield
        except (KeyboardInterrupt, SystemExit):
            kind = TerminatedError if was_terminated() else StoppedError
            raise kind(f"stopped; {self.how_to_continue()}") from None

    def how_to_continue(self) -> str:
        """Name the command that goes on from this run's newest whole checkpoint, or from where it began."""
        own = (newest_whole(stage) for stage in (self.folder, self.folder / "pretrain"))
        newest = next(filter(None, own), self.checkpoint)
        if newest is not None:
            return f"continue with: python -m latentclust ckpt_path={shlex.quote(str(newest))}"
        return f"nothing is lost yet; start again with: {self.command}"


def tell(message: str) -> None:
    """Print a line to be read now, unwrapped so that it can be copied; the log keeps it too."""
    Console(soft_wrap=True).print(message, highlight=False, markup=False)
    log.debug(message)


def parse_duration(text: str) -> float:
    """Convert ``DD:HH:MM:SS`` to seconds.

    Raises
    ------
    LatentclustError
        If it is written otherwise.

    Examples
    --------
    >>> parse_duration("00:01:30:00")
    5400.0
    """
    try:
        days, hours, minutes, seconds = (int(part) for part in str(text).split(":"))
        if min(days, hours, minutes, seconds) < 0:
            raise ValueError
    except ValueError:
        raise LatentclustError(
            f"trainer.max_time is '{text}': write days:hours:minutes:seconds, such as 00:00:10:00"
        ) from None
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds).total_seconds()


NO_RUN_DEPENDS_ON = [f":(exclude){path}" for path in ("docs", "README.md", "benchmarks/results")]


def commit(here: Path = Path(__file__).parents[3]) -> str | None:
    """Return the commit of a checkout, by default this code's; None outside of one.

    With ``-dirty`` if files differ, but those that no run depends on: pages and results.
    """
    if not (here / ".git").exists():
        return None
    git = ["git", "-C", str(here)]
    try:
        name = subprocess.run(
            [*git, "rev-parse", "--short=10", "HEAD"], capture_output=True, text=True, check=True
        )
        changed = subprocess.run(
            [*git, "status", "--porcelain", "-uno", "--", ".", *NO_RUN_DEPENDS_ON],
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return name.stdout.strip() + ("-dirty" if changed.stdout.strip() else "")
