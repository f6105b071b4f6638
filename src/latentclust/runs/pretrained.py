"""VaDE's first stage: an autoencoder, trained once per setting and kept."""

import logging
from importlib.metadata import version
from pathlib import Path

import torch
from omegaconf import DictConfig

from latentclust import __version__
from latentclust.data import Augmentation, ImageDataModule, augment, batches, datamodule
from latentclust.errors import LatentclustError, OutOfTimeError
from latentclust.hardware import choose_accelerator, choose_precision
from latentclust.models import AE, ae, base
from latentclust.modules import networks, objectives, schedules
from latentclust.runs.cache import code_of, place
from latentclust.runs.checkpoints import read_file, rebuild
from latentclust.runs.resume import train_from
from latentclust.runs.run import Run
from latentclust.training.builders import DECISIVE, build_pretraining, build_trainer
from latentclust.training.callbacks import epoch_seed

log = logging.getLogger(__name__)

# What decides on the pretrained weights: a cached stage of other code is not this one's.
CODE = (augment, batches, datamodule, networks, objectives, schedules, epoch_seed, ae, base)


def pretrained_autoencoder(cfg: DictConfig, data: ImageDataModule, run: Run) -> AE | None:
    """Train the autoencoder that VaDE starts from, or take it from the cache.

    Returns
    -------
    AE | None
        On the CPU. None where a run continues in its second stage and the cache has lost the first one.

    Raises
    ------
    OutOfTimeError
        If ``trainer.max_time`` is over before the pretraining.
    """
    cached = cached_autoencoder(cfg, data)
    if cached is not None or run.stage == "train":
        return cached
    model = build_pretraining(cfg, data.input_shape)
    augmentation = data.augmentation
    if not cfg.model.pretrain.augment:
        data.augmentation = Augmentation()
    max_epochs = cfg.model.pretrain.max_epochs
    objective = model.objective_metric(data.held_out is not None)
    folder = run.folder / "pretrain"
    trainer = build_trainer(cfg, run, data, "pretrain", folder, objective, max_epochs=max_epochs)
    with run.timed("pretrain"):
        train_from(run.checkpoint_of("pretrain"), trainer, model, data)
    data.augmentation = augmentation
    if trainer.should_stop:
        raise OutOfTimeError(f"trainer.max_time is over before the pretraining; {run.how_to_continue()}")
    if cfg.model.pretrain.cache:
        trainer.save_checkpoint(cache_path(cfg, data), weights_only=True)
    return model


def cached_autoencoder(cfg: DictConfig, data: ImageDataModule) -> AE | None:
    """Return the autoencoder of an equal pretraining in the cache, on the CPU, or None."""
    path = cache_path(cfg, data)
    if not (cfg.model.pretrain.cache and path.is_file()):
        return None
    try:
        autoencoder = rebuild(path, read_file(path), AE)
    except LatentclustError:
        log.warning("%s is damaged: the pretraining is done again", path)
        return None
    assert isinstance(autoencoder, AE)
    log.info("Pretraining comes from %s", path)
    return autoencoder


def cache_path(cfg: DictConfig, data: ImageDataModule) -> Path:
    """Return where the pretraining is kept: its name digests everything that the weights depend on."""
    accelerator = choose_accelerator(cfg.trainer.accelerator)
    depends_on = {
        "latentclust": __version__,
        "code": code_of(CODE),
        "torch": torch.__version__,
        "lightning": version("lightning"),
        # Of each number of threads, sums on the CPU round in their own way.
        "threads": torch.get_num_threads() if accelerator == "cpu" else None,
        "images": data.fingerprint,
        "batch_size": data.batch_size,
        "passes": data.passes,
        "augment": data.augmentation if cfg.model.pretrain.augment else Augmentation(),
        "model": dict(build_pretraining(cfg, data.input_shape).hparams),
        "max_epochs": cfg.model.pretrain.max_epochs,
        "seed": cfg.seed,
        "accelerator": accelerator,
        "precision": choose_precision(accelerator, cfg.trainer.precision),
        "trainer": {name: cfg.trainer[name] for name in DECISIVE},
    }
    return place(Path(cfg.output_dir), "pretrain", "ckpt", depends_on)
