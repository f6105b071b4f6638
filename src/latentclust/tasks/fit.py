"""Train a model, measure it, draw it."""

import logging
from functools import partial

import lightning as L
from lightning.pytorch.callbacks import Callback
from omegaconf import DictConfig
from torch import Tensor

from latentclust.clustering import require_possible
from latentclust.data import ImageDataModule
from latentclust.gallery.show import show, sketch, write_report
from latentclust.models import Clusters, LatentModel, Pretrains, StartsFromMixture
from latentclust.runs.code_mixture import keep_code_mixture
from latentclust.runs.image_neighbors import SEARCH, image_neighbors
from latentclust.runs.pretrained import pretrained_autoencoder
from latentclust.runs.resume import train_from
from latentclust.runs.run import Run
from latentclust.runs.summary import Summary, conclude
from latentclust.training.builders import build_data, build_model, build_trainer
from latentclust.training.callbacks import (
    ClusterAccuracy,
    ClusterTargets,
    EpochFigures,
    History,
    MixtureInitialization,
)
from latentclust.training.measuring import collapse, measure

log = logging.getLogger(__name__)


def fit(cfg: DictConfig) -> float | None:
    """Run the stages data, pretrain, init, train, evaluate and show, in this order.

    Returns
    -------
    float | None
        The metric that ``cfg.optimized_metric`` names, for a sweeper.
    """
    run = Run.begin(cfg)
    with run.stopping():
        with run.timed("data"):
            data = build_data(cfg)
        run.check_data(data, cfg.data.name)
        if data.passes > 1:
            log.info(
                "An epoch goes %d times over the %s images (data.min_images_per_epoch=%d)",
                data.passes,
                f"{len(data.pool):,}",
                cfg.data.min_images_per_epoch,
            )
        require_possible(cfg.init.name, len(data.pool))
        model = build_model(cfg, data.input_shape)
        autoencoder = None
        if isinstance(model, Pretrains):
            autoencoder = pretrained_autoencoder(cfg, data, run)
            if autoencoder is not None:
                model.start_from(autoencoder)
        trainer, history, start = train(cfg, run, data, model)
        with run.timed("evaluate"):
            keep_code_mixture(cfg, run, data, model)
            results = measure(cfg, data, model, autoencoder, start)
        if isinstance(model, Clusters) and (warning := collapse(results[-1], cfg.n_clusters)):
            run.warn(warning)
        summary = Summary.of(cfg, run, model, results, history.final())
        summary.write(run)  # now, lest a figure that fails costs the numbers
        if cfg.figures.at_end:
            with run.timed("show"):
                show(cfg, run, data, model, results, history.metrics, trainer.loggers)
            summary.write(run)  # again, now that it has all the times
            write_report(run.folder)
        conclude(run, summary, results, trainer.loggers)
    return summary.metric(cfg.optimized_metric, model.objective_metric(data.held_out is not None).name)


def train(
    cfg: DictConfig, run: Run, data: ImageDataModule, model: LatentModel
) -> tuple[L.Trainer, History, Tensor | None]:
    """Train the model, from its mixture's initialization if it has one.

    Returns
    -------
    tuple[L.Trainer, History, Tensor | None]
        The trainer, the curves, and the partition that the mixture started from.
    """
    measures: list[Callback] = [
        ClusterAccuracy(cfg.n_clusters, **cfg.callbacks.cluster_accuracy, seed=cfg.seed)
    ]
    init = None
    if isinstance(model, StartsFromMixture):
        options = {key: cfg.init[key] for key in cfg.init if key not in ("name", *SEARCH)}
        search = partial(image_neighbors, cfg, data)
        init = MixtureInitialization(cfg.init.name, cfg.seed, search=search, **options)
        measures = [init, ClusterTargets(init), *measures]
    if cfg.figures.every_n_epochs:
        measures.append(
            EpochFigures(lambda model, epoch: sketch(cfg, data, model, epoch), cfg.figures.every_n_epochs)
        )
    measures.append(history := History())
    max_epochs = cfg.trainer.max_epochs
    objective = model.objective_metric(data.held_out is not None)
    trainer = build_trainer(
        cfg, run, data, "train", run.folder, objective, max_epochs=max_epochs, measures=measures
    )
    with run.timed("train"):
        train_from(run.checkpoint_of("train"), trainer, model, data)
    if init is not None:
        run.seconds["init"] = round(init.seconds, 2)
        run.seconds["train"] = round(run.seconds["train"] - init.seconds, 2)
    if trainer.should_stop:
        run.warn(
            f"trainer.max_time was over after epoch {trainer.current_epoch} of {max_epochs}; "
            f"{run.how_to_continue()}"
        )
    return trainer, history, None if init is None else init.start
