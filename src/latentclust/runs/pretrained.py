"""A model's first stage: an autoencoder, trained once per setting and kept."""

import logging
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import lightning as L
import torch

from latentclust import __version__, steps
from latentclust.data import (
    Augmentation,
    DataModule,
    augment,
    batches,
    counts,
    datamodule,
    description,
    mapped,
    moments,
    pool,
    preprocess,
    streamed,
    transforms,
)
from latentclust.errors import LatentclustError, OutOfTimeError
from latentclust.hardware import choose_accelerator, choose_precision
from latentclust.models import AE, ae, base, bounds, code_mixture
from latentclust.modules import decoders, likelihoods, networks, objectives, schedules
from latentclust.processes import from_first, is_first
from latentclust.runs.cache import code_of, one_at_a_time, place_of
from latentclust.runs.checkpoints import read_file
from latentclust.runs.rebuilding import rebuild
from latentclust.runs.resume import train_from
from latentclust.runs.run import Run
from latentclust.settings.model import Pretrained
from latentclust.settings.network import Network
from latentclust.settings.trainer import Trainer
from latentclust.training import strategy
from latentclust.training.builders import build_pretraining
from latentclust.training.callbacks import epoch_seed
from latentclust.training.loggers import close, closed_on_failure
from latentclust.training.trainers import DECISIVE, TrainingSetup, build_trainer, recorded

log = logging.getLogger(__name__)

# What decides on the pretrained weights: a cached stage of other code is not this one's.
CODE = (
    steps,
    augment,
    batches,
    counts,
    datamodule,
    description,
    mapped,
    moments,
    pool,
    preprocess,
    streamed,
    transforms,
    networks,
    decoders,
    likelihoods,
    objectives,
    schedules,
    epoch_seed,
    ae,
    base,
    bounds,
    code_mixture,
    strategy,
)


@dataclass(frozen=True)
class FirstStage:
    """The settings that decide on the pretrained weights, and where these are kept."""

    model: Pretrained
    network: Network
    trainer: Trainer
    seed: int
    output_dir: Path

    def build(self, data: DataModule) -> AE:
        """Build the autoencoder."""
        return build_pretraining(self.model, self.network, self.seed, data.input_shape)


def pretrained_autoencoder(stage: FirstStage, setup: TrainingSetup, data: DataModule, run: Run) -> AE | None:
    """Train the autoencoder that a model starts from, or take it from the cache.

    Of equal runs that start together in several processes one trains it, and the others wait for it.

    Returns
    -------
    AE | None
        On the CPU. None where a run continues in its second stage and the cache has lost the first one; and
        where it is in the cache, in all processes but the first.

    Raises
    ------
    OutOfTimeError
        If ``trainer.max_time`` is over before the pretraining.
    """
    alone = stage.model.pretrain.cache and is_first()  # the others would wait for the first one's lock
    with one_at_a_time(cache_path(stage, data)) if alone else nullcontext():
        cached = cached_autoencoder(stage, data) if is_first() else None
        if from_first(cached is not None) or run.stage == "train":
            return cached  # the others get the first one's weights when the training begins
        return pretrained(stage, setup, data, run)


def pretrained(stage: FirstStage, setup: TrainingSetup, data: DataModule, run: Run) -> AE:
    """Train the autoencoder, and keep it if that is wanted.

    Raises
    ------
    OutOfTimeError
        If ``trainer.max_time`` is over before it is trained.
    """
    model, pretrain = stage.build(data), stage.model.pretrain
    model.description = data.description
    objective = model.objective_metric(data.held_out is not None)
    folder = run.folder / "pretrain"
    trainer = build_trainer(setup, data, "pretrain", folder, objective, max_epochs=pretrain.max_epochs)
    augmentation = data.augmentation
    try:
        if not pretrain.augment:
            data.augmentation = Augmentation()
        with run.timed("pretrain"), closed_on_failure(trainer.loggers):
            train_from(run.checkpoint_of("pretrain"), trainer, model, data)
    finally:
        data.augmentation = augmentation
    close(trainer.loggers)
    if trainer.should_stop:
        raise OutOfTimeError(f"trainer.max_time is over before the pretraining; {run.how_to_continue()}")
    if pretrain.cache:
        trainer.save_checkpoint(cache_path(stage, data), weights_only=True)
    return model


def cached_autoencoder(stage: FirstStage, data: DataModule) -> AE | None:
    """Return the autoencoder of an equal pretraining in the cache, on the CPU, or None."""
    path = cache_path(stage, data)
    if not (stage.model.pretrain.cache and path.is_file()):
        return None
    try:
        autoencoder = rebuild(path, read_file(path), AE)
    except LatentclustError:
        log.warning("%s is damaged: the pretraining is done again", path)
        return None
    assert isinstance(autoencoder, AE)
    log.info("Pretraining comes from %s", path)
    return autoencoder


def cache_path(stage: FirstStage, data: DataModule) -> Path:
    """Return where the pretraining is kept: its name digests everything that the weights depend on."""
    trainer, pretrain = stage.trainer, stage.model.pretrain
    accelerator = choose_accelerator(trainer.accelerator)
    depends_on = {
        "latentclust": __version__,
        "code": code_of(CODE),
        "torch": torch.__version__,
        "lightning": L.__version__,
        # Of each number of threads, sums on the CPU round in their own way.
        "threads": torch.get_num_threads() if accelerator == "cpu" else None,
        "images": data.fingerprint,
        "batch_size": data.batch_size,
        "passes": data.passes,
        "augment": data.augmentation if pretrain.augment else Augmentation(),
        "model": dict(stage.build(data).hparams),
        "max_epochs": pretrain.max_epochs,
        "seed": stage.seed,
        "accelerator": accelerator,
        "processes": trainer.n_processes,
        "sync_batchnorm": trainer.sync_batchnorm and trainer.n_processes > 1,
        "precision": choose_precision(accelerator, trainer.precision),
        "cuda_graphs": recorded(trainer, accelerator),
        "trainer": {name: getattr(trainer, name) for name in DECISIVE},
    }
    return place_of(stage.output_dir, "pretrain", "ckpt", depends_on)
