"""From configuration to objects: one small factory each for data, model and trainer."""

import logging
from collections.abc import Sequence
from inspect import signature
from pathlib import Path
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Callback, LearningRateMonitor, RichModelSummary
from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger
from lightning.pytorch.profilers import AdvancedProfiler, Profiler, SimpleProfiler
from omegaconf import DictConfig, OmegaConf

from latentclust import terminal
from latentclust.data import Augmentation, ImageDataModule, build_datamodule
from latentclust.errors import LatentclustError
from latentclust.hardware import choose_accelerator, choose_precision
from latentclust.models import AE, VAE, LatentModel, ObjectiveMetric, VaDE
from latentclust.runs.run import Run
from latentclust.training.callbacks import (
    Checkpoints,
    Deadline,
    EpochLines,
    EpochSeed,
    ObjectiveTerms,
    RunRecord,
    StageProgress,
    Throughput,
)
from latentclust.training.checkpoint_io import WholeCheckpointIO

log = logging.getLogger(__name__)

MODELS: dict[str, type[AE] | type[VAE] | type[VaDE]] = {"ae": AE, "vae": VAE, "vade": VaDE}
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
# Images that trainer.fast_dev_run keeps, unless a batch or the clusters need more.
TRIED = 1000


def build_data(cfg: DictConfig) -> ImageDataModule:
    """Build the data module and load its images.

    Raises
    ------
    LatentclustError
        If the images cannot be had, or are fewer than the clusters that are to be fitted to them.
    """
    settings: dict[str, Any] = OmegaConf.to_container(cfg.data, resolve=True)  # type: ignore[assignment]
    settings |= {"seed": cfg.seed, "augmentation": Augmentation(**cfg.augment)}
    data = build_datamodule(**settings)
    data.setup()
    tried = max(TRIED, data.batch_size, cfg.n_clusters)
    if cfg.trainer.fast_dev_run and len(data.pool) > tried:
        data = build_datamodule(**settings | {"limit": tried})
        data.setup()
        log.info("trainer.fast_dev_run: %s images, no checkpoints, no curves", f"{tried:,}")
    if cfg.task.name == "fit" and cfg.n_clusters > len(data.pool):
        raise LatentclustError(
            f"n_clusters is {cfg.n_clusters}, but there are only {len(data.pool)} images: choose fewer"
        )
    return data


def build_model(cfg: DictConfig, input_shape: Sequence[int]) -> LatentModel:
    """Build the model of ``cfg.model`` with the layers of ``cfg.network``."""
    settings: dict[str, Any] = OmegaConf.to_container(cfg.model, resolve=True)  # type: ignore[assignment]
    settings.pop("pretrain", None)
    return _build(settings, cfg, input_shape)


def build_pretraining(cfg: DictConfig, input_shape: Sequence[int]) -> AE:
    """Build the autoencoder of VaDE's first stage."""
    pretrain = OmegaConf.to_container(cfg.model.pretrain, resolve=True)
    assert isinstance(pretrain, dict)
    settings = {
        "name": "ae",
        "latent_dim": cfg.model.latent_dim,
        "reconstruction": pretrain["reconstruction"],
        "optimizer": pretrain["optimizer"],
    }
    model = _build(settings, cfg, input_shape)
    assert isinstance(model, AE)
    return model


def _build(settings: dict[str, Any], cfg: DictConfig, input_shape: Sequence[int]) -> LatentModel:
    # Whatever ran before, such as a stage that came out of the cache, must not shift the random numbers.
    L.seed_everything(cfg.seed, verbose=False)
    kind, optimizer = MODELS[settings.pop("name")], settings.pop("optimizer")
    settings |= settings.pop("warmup", {})
    settings |= {f"self_training_{key}": v for key, v in settings.pop("self_training", {}).items()}
    settings |= {name: list(sizes) for name, sizes in cfg.network.items()}
    if "n_clusters" in signature(kind).parameters:
        settings["n_clusters"] = cfg.n_clusters
    return kind(input_shape=list(input_shape), **settings, **optimizer)


def build_trainer(
    cfg: DictConfig,
    run: Run,
    data: ImageDataModule,
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
    cfg, run, data
        The configuration, the run and its images: test images outside the pool are validated on.
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
    accelerator = choose_accelerator(cfg.trainer.accelerator)
    callbacks: list[Callback] = [EpochSeed(cfg.seed, stage), ObjectiveTerms(), Throughput(), *measures]
    if cfg.logger.tensorboard or cfg.logger.csv:
        callbacks.append(LearningRateMonitor(logging_interval="epoch"))
    if run.deadline is not None:
        callbacks.append(Deadline(run.deadline))
    callbacks.append(RunRecord(stage, run.overrides, cfg.data.name))
    if not cfg.trainer.fast_dev_run:  # that leaves nothing worth going on with
        callbacks.append(
            Checkpoints(
                folder / "checkpoints",
                **cfg.callbacks.checkpoint,
                monitor=objective.name,
                mode=objective.mode,
            )
        )
    callbacks.append(EpochLines(stage))
    if terminal.BARS.visible:
        callbacks.append(StageProgress(stage))
    if cfg.trainer.enable_model_summary:
        callbacks.append(RichModelSummary())
    trainer = L.Trainer(
        accelerator=accelerator,
        devices=cfg.trainer.devices,
        precision=choose_precision(accelerator, cfg.trainer.precision),
        max_epochs=max_epochs,
        **{name: cfg.trainer[name] for name in (*DECISIVE, *HARMLESS)},
        limit_val_batches=cfg.trainer.limit_val_batches,
        enable_progress_bar=terminal.BARS.visible,
        # Lightning's own summary and output of the profiler go to a log that is silent here.
        enable_model_summary=False,
        enable_checkpointing=not cfg.trainer.fast_dev_run,
        profiler=build_profiler(cfg.trainer.profiler, folder),
        num_sanity_val_steps=0,
        log_every_n_steps=1,
        callbacks=callbacks,
        logger=build_loggers(cfg, folder),
        plugins=[WholeCheckpointIO()],
    )
    if not data.val_dataloader():  # nothing is held out, whatever fast_dev_run and overfit_batches have set
        trainer.limit_val_batches = 0
    return trainer


def build_profiler(name: str | None, folder: Path) -> Profiler | None:
    """Build the profiler that writes ``fit-profile.txt`` into a stage's folder."""
    if name is None:
        return None
    return SimpleProfiler(folder, "profile") if name == "simple" else AdvancedProfiler(folder, "profile")


def build_loggers(cfg: DictConfig, folder: Path) -> list[Logger]:
    """Build the loggers that write into a stage's folder."""
    # Lightning announces the hardware at each start, twice per run; the summary names the device once.
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    loggers: list[Logger] = []
    if cfg.logger.tensorboard:
        loggers.append(
            TensorBoardLogger(folder / "tensorboard", name="", version="", default_hp_metric=False)
        )
    if cfg.logger.csv:
        loggers.append(CSVLogger(folder, name="", version=""))
    return loggers
