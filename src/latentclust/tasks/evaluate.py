"""Measure a trained model."""

from pathlib import Path

from omegaconf import DictConfig

from latentclust.data import ImageDataModule
from latentclust.errors import LatentclustError
from latentclust.hardware import choose_accelerator
from latentclust.models import LatentModel, Pretrains
from latentclust.runs.checkpoints import load_weights
from latentclust.runs.code_mixture import require_code_mixture
from latentclust.runs.pretrained import cached_autoencoder
from latentclust.runs.run import Run
from latentclust.runs.summary import Summary, conclude
from latentclust.training.builders import build_data, build_model
from latentclust.training.measuring import measure, objective_terms


def evaluate(cfg: DictConfig) -> float | None:
    """Measure the model of ``cfg.ckpt_path`` on its data and write ``summary.json``.

    Returns
    -------
    float | None
        The metric that ``cfg.optimized_metric`` names, for a sweeper: a score of the model's own clustering,
        or a term of the objective, here a mean over the images as they are.

    Raises
    ------
    LatentclustError
        If there is no such metric outside of a training; after everything was written.
    """
    run = Run.begin(cfg)
    with run.timed("data"):
        data, model = load_trained(cfg, run)
    with run.timed("evaluate"):
        autoencoder = cached_autoencoder(cfg, data) if isinstance(model, Pretrains) else None
        results = measure(cfg, data, model, autoencoder)
        terms = objective_terms(data, model, cfg.seed)
    summary = Summary.of(cfg, run, model, results, terms)
    conclude(run, summary, results)
    return summary.metric(cfg.optimized_metric, model.objective_metric(data.held_out is not None).name)


def load_trained(cfg: DictConfig, run: Run) -> tuple[ImageDataModule, LatentModel]:
    """Load the images onto the device and the model that ``cfg.ckpt_path`` holds, with its clusters.

    The clusters of an AE or a VAE are those of the mixture in its checkpoint. A checkpoint that was written
    before the training was over has none: its codes get one here, with a warning.

    Raises
    ------
    LatentclustError
        If there is no checkpoint, or it is of the pretraining, or it does not fit the images.
    """
    checkpoint = require_trained(cfg, run)
    accelerator = choose_accelerator(cfg.trainer.accelerator)
    data = build_data(cfg).to(accelerator)
    model = build_model(cfg, data.input_shape)
    load_weights(checkpoint, model)
    model.to(accelerator).eval()
    require_code_mixture(cfg, run, data, model)
    return data, model


def require_trained(cfg: DictConfig, run: Run) -> Path:
    """Return the checkpoint that the run is to use.

    Raises
    ------
    LatentclustError
        If there is none, or it is of the pretraining.
    """
    if run.checkpoint is None:
        raise LatentclustError(
            f"task={cfg.task.name} needs a trained model: give ckpt_path=last or a .ckpt file"
        )
    if run.stage != "train":
        raise LatentclustError(
            f"ckpt_path: '{run.checkpoint}' is of a pretraining; finish its run first, with task=fit"
        )
    return run.checkpoint
