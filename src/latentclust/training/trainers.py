"""The Trainer of a stage: Lightning's, with our callbacks, loggers and devices."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import lightning as L
from lightning.pytorch.callbacks import Callback, RichModelSummary
from lightning.pytorch.profilers import AdvancedProfiler, Profiler, SimpleProfiler

from latentclust import terminal
from latentclust.data import DataModule
from latentclust.hardware import choose_accelerator, choose_precision
from latentclust.models import ObjectiveMetric
from latentclust.processes import is_first
from latentclust.settings import Settings
from latentclust.settings.callbacks import Checkpoint, EarlyStopping
from latentclust.settings.logger import Logger as LoggerSettings
from latentclust.settings.settled import settled
from latentclust.settings.trainer import Trainer
from latentclust.training.callbacks import (
    Checkpoints,
    Deadline,
    EpochLines,
    EpochSeed,
    LearningRates,
    ObjectiveTerms,
    RecordedSteps,
    RunRecord,
    StageProgress,
    StopsImproving,
    Throughput,
)
from latentclust.training.callbacks.own_signals import OwnSignals
from latentclust.training.loggers import build_loggers
from latentclust.training.strategy import sharing

# The keys of ``trainer`` that Lightning's Trainer takes as they are: those that decide on the weights ...
DECISIVE = (
    "deterministic",
    "benchmark",
    "gradient_clip_val",
    "gradient_clip_algorithm",
    "accumulate_grad_batches",
    "limit_train_batches",
    "overfit_batches",
    "fast_dev_run",
)
# ... and the others.
HARMLESS = ("check_val_every_n_epoch", "detect_anomaly", "inference_mode")


@dataclass(frozen=True)
class TrainingSetup:
    """What all training stages of a run share.

    Attributes
    ----------
    trainer, checkpoint, logger
        Settings of Lightning's Trainer, the checkpoints and the curves.
    seed
        Of the run.
    deadline
        When to stop training, on the clock of ``time.perf_counter``, or None.
    overrides
        The command line's, which a continuation takes along.
    data_name
        What the data is called.
    early_stopping
        Of the stage ``train``; None: never.
    name
        What the run is called where several runs are shown.
    shared
        The folder of what several runs share.
    settings
        All of the run, as they were given; a checkpoint notes those that a continuation cannot change.
    """

    trainer: Trainer
    checkpoint: Checkpoint
    logger: LoggerSettings
    seed: int
    deadline: float | None = None
    overrides: Sequence[str] = ()
    data_name: str | None = None
    early_stopping: EarlyStopping | None = None
    name: str | None = None
    shared: Path | None = None
    settings: Settings | None = None


def build_trainer(
    setup: TrainingSetup,
    data: DataModule,
    stage: str,
    folder: Path,
    objective: ObjectiveMetric,
    *,
    max_epochs: int,
    measures: Sequence[Callback] = (),
) -> L.Trainer:
    """Build the Trainer of a stage.

    Parameters
    ----------
    setup, data
        What all stages share, and the images: test images outside the pool are validated on.
    stage
        Its name, ``pretrain`` or ``train``.
    folder
        Where it writes ``checkpoints/``, ``tensorboard/`` and ``metrics.csv``.
    objective
        What ``best.ckpt`` follows.
    max_epochs
        How long.
    measures
        Callbacks of this stage alone; they run after the objective's terms were checked.
    """
    name = setup.name if stage == "train" or setup.name is None else f"{setup.name}, {stage}ing"
    settings = setup.trainer
    loggers = build_loggers(setup.logger, folder, name, setup.shared) if is_first() else []
    accelerator = choose_accelerator(settings.accelerator)
    callbacks: list[Callback] = [EpochSeed(setup.seed, stage), ObjectiveTerms(), Throughput(), *measures]
    if loggers:
        callbacks.append(LearningRates())
    if settings.n_processes > 1:
        callbacks.append(OwnSignals())
    if recorded(settings, accelerator):
        callbacks.append(RecordedSteps())
    if setup.deadline is not None:
        callbacks.append(Deadline(setup.deadline))
    early = setup.early_stopping
    if early is not None and early.patience is not None and stage == "train":
        callbacks.append(StopsImproving(*objective, early.patience, early.min_delta))
    done = {} if setup.settings is None else settled(setup.settings, stage)
    callbacks.append(RunRecord(stage, setup.overrides, setup.data_name, done))
    if not settings.fast_dev_run:  # that leaves nothing worth going on with
        callbacks.append(
            Checkpoints(
                folder / "checkpoints",
                **setup.checkpoint.model_dump(),
                monitor=objective.name,
                mode=objective.mode,
            )
        )
    callbacks.append(EpochLines(stage))
    if terminal.BARS.visible:
        callbacks.append(StageProgress(stage))
    if settings.enable_model_summary:
        callbacks.append(RichModelSummary())
    trainer = L.Trainer(
        accelerator=accelerator,
        **sharing(settings, accelerator),
        precision=choose_precision(accelerator, settings.precision),
        max_epochs=max_epochs,
        **{name: getattr(settings, name) for name in (*DECISIVE, *HARMLESS)},
        limit_val_batches=settings.limit_val_batches,
        enable_progress_bar=terminal.BARS.visible,
        # Lightning's own summary and output of the profiler go to a log that is silent here.
        enable_model_summary=False,
        enable_checkpointing=not settings.fast_dev_run,
        profiler=build_profiler(settings.profiler, folder) if is_first() else None,
        num_sanity_val_steps=0,
        log_every_n_steps=1,
        callbacks=callbacks,
        logger=loggers,
    )
    if not data.val_dataloader():  # nothing is held out, whatever fast_dev_run and overfit_batches have set
        trainer.limit_val_batches = 0
    return trainer


def recorded(settings: Trainer, accelerator: str) -> bool:
    """Whether training steps are recorded as CUDA graphs.

    Not where gradients of several steps are added up, for a replay writes where the last one's gradients lie;
    nor where several processes share them, or anomalies are looked for between kernels.
    """
    return (
        settings.cuda_graphs
        and accelerator == "cuda"
        and settings.n_processes == 1
        and settings.accumulate_grad_batches == 1
        and not settings.detect_anomaly
    )


def build_profiler(name: str | None, folder: Path) -> Profiler | None:
    """Build the profiler that writes ``fit-profile.txt`` into a stage's folder."""
    if name is None:
        return None
    return SimpleProfiler(folder, "profile") if name == "simple" else AdvancedProfiler(folder, "profile")
