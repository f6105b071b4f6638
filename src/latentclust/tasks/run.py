"""A run: its folder, its clock, and where it continues."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from time import perf_counter

import lightning as L
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from latentclust.errors import LatentclustError
from latentclust.tasks.checkpoints import find_checkpoint, read_record
from latentclust.tasks.checks import check

# The overrides that belong to one call and not to the run that a checkpoint continues.
OF_ONE_CALL = {"ckpt_path", "task", "output_dir"}


class InterruptedByUserError(LatentclustError):
    """The user stopped the run."""

    exit_code = 130


@dataclass
class Run:
    """What one call of the program shares between its stages.

    Attributes
    ----------
    folder
        Where it writes.
    overrides
        The command line's, without those that concern this call alone.
    checkpoint
        Where it continues from, or what it uses; None for a fresh start.
    stage
        The stage that wrote the checkpoint, ``pretrain`` or ``train``; None for a fresh start.
    max_time
        Seconds it may train, or None.
    seconds
        What each stage took.
    """

    folder: Path
    overrides: list[str]
    checkpoint: Path | None = None
    stage: str | None = None
    max_time: float | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    started: float = field(default_factory=perf_counter)

    @classmethod
    def begin(cls, cfg: DictConfig) -> "Run":
        """Check the configuration, seed everything and find the run's folder and checkpoint.

        Raises
        ------
        LatentclustError
            If a value is out of range or the checkpoint cannot be used.
        """
        check(cfg)
        L.seed_everything(cfg.seed, verbose=False)
        hydra = HydraConfig.get()
        overrides = [
            text for text in hydra.overrides.task if text.lstrip("+~").split("=")[0] not in OF_ONE_CALL
        ]
        run = cls(Path(hydra.runtime.output_dir), overrides)
        if cfg.ckpt_path is not None:
            run.checkpoint = find_checkpoint(str(cfg.ckpt_path), Path(cfg.output_dir))
            run.stage = read_record(run.checkpoint)["stage"]
        if cfg.trainer.max_time is not None:
            run.max_time = parse_duration(cfg.trainer.max_time)
        return run

    @property
    def command(self) -> str:
        """The command that repeats it."""
        return " ".join(["python -m latentclust", *self.overrides])

    def checkpoint_of(self, stage: str) -> Path | None:
        """Return the checkpoint if it is of that stage."""
        return self.checkpoint if self.stage == stage else None

    def time_left(self) -> timedelta | None:
        """Return what is left of ``max_time``, at least a second."""
        if self.max_time is None:
            return None
        return timedelta(seconds=max(self.max_time - (perf_counter() - self.started), 1.0))

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Keep the time that the block takes."""
        start = perf_counter()
        yield
        self.seconds[stage] = round(perf_counter() - start, 2)

    @contextmanager
    def stopping(self, folder: Path) -> Iterator[None]:
        """Turn Ctrl-C during training into one line that says how to go on.

        Raises
        ------
        InterruptedByUserError
            In place of the KeyboardInterrupt, or of the SystemExit that Lightning makes of it.
        """
        try:
            yield
        except (KeyboardInterrupt, SystemExit):
            last = folder / "checkpoints" / "last.ckpt"
            hint = (
                f"continue with: python -m latentclust ckpt_path={last}"
                if last.exists()
                else "nothing was lost"
            )
            raise InterruptedByUserError(f"stopped; {hint}") from None


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
    except ValueError:
        raise LatentclustError(
            f"trainer.max_time is '{text}': write days:hours:minutes:seconds, such as 00:00:10:00"
        ) from None
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds).total_seconds()


def commit() -> str | None:
    """Return the commit of this code's checkout, with ``-dirty`` if files differ; None outside a checkout."""
    here = Path(__file__).parents[3]
    if not (here / ".git").exists():
        return None
    git = ["git", "-C", str(here)]
    try:
        name = subprocess.run(
            [*git, "rev-parse", "--short=10", "HEAD"], capture_output=True, text=True, check=True
        )
        changed = subprocess.run(
            [*git, "status", "--porcelain", "-uno"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return name.stdout.strip() + ("-dirty" if changed.stdout.strip() else "")
