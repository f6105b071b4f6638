"""VaDE's first stage: an autoencoder, trained once per setting and kept."""

import hashlib
import json
import logging
import os
from pathlib import Path

import torch
from omegaconf import DictConfig

from latentclust import __version__
from latentclust.data import ImageDataModule
from latentclust.hardware import choose_accelerator, choose_precision
from latentclust.models import AE
from latentclust.tasks.run import Run
from latentclust.tasks.wiring import build_pretraining, build_trainer

log = logging.getLogger(__name__)


def pretrained_autoencoder(cfg: DictConfig, data: ImageDataModule, run: Run) -> AE | None:
    """Train the autoencoder that VaDE starts from, or take it from the cache.

    Returns
    -------
    AE | None
        On the CPU. None where a run continues in its second stage and the cache has lost the first one.
    """
    model = build_pretraining(cfg, data.input_shape)
    cached = Path(cfg.output_dir) / "cache" / f"pretrain-{cache_key(cfg, data, model)}.ckpt"
    if cfg.model.pretrain.cache and cached.is_file():
        log.info("Pretraining comes from %s", cached)
        return AE.load_from_checkpoint(cached, map_location="cpu", weights_only=True)
    if run.stage == "train":
        return None
    folder = run.folder / "pretrain"
    trainer = build_trainer(
        cfg,
        run,
        data,
        "pretrain",
        folder,
        max_epochs=cfg.model.pretrain.max_epochs,
    )
    with run.timed("pretrain"), run.stopping(folder):
        trainer.fit(model, datamodule=data, ckpt_path=run.checkpoint_of("pretrain"), weights_only=True)
    if cfg.model.pretrain.cache and trainer.current_epoch == trainer.max_epochs and trainer.is_global_zero:
        cached.parent.mkdir(parents=True, exist_ok=True)
        # Another run may be writing the same file: each replaces it whole.
        unfinished = cached.with_suffix(f".{os.getpid()}.tmp")
        trainer.save_checkpoint(unfinished, weights_only=True)
        unfinished.replace(cached)
    return model


def cache_key(cfg: DictConfig, data: ImageDataModule, model: AE) -> str:
    """Digest everything that the pretrained weights depend on."""
    accelerator = choose_accelerator(cfg.trainer.accelerator)
    depends_on = {
        "latentclust": __version__,
        "torch": torch.__version__,
        "images": data.fingerprint,
        "batch_size": data.batch_size,
        "model": dict(model.hparams),
        "max_epochs": cfg.model.pretrain.max_epochs,
        "seed": cfg.seed,
        "accelerator": accelerator,
        "precision": choose_precision(accelerator, cfg.trainer.precision),
        "devices": cfg.trainer.devices,
        "gradient_clip_val": cfg.trainer.gradient_clip_val,
    }
    return hashlib.sha256(json.dumps(depends_on, sort_keys=True).encode()).hexdigest()[:20]
