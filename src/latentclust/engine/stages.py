"""The stages of a training, each with its own section of the settings."""

import logging
from functools import partial
from pathlib import Path
from typing import NamedTuple

import lightning as L
from lightning.pytorch.callbacks import Callback

from latentclust.clustering.choose import Choice
from latentclust.data import Augmentation, DataModule
from latentclust.data.checks import too_alike
from latentclust.errors import LatentclustError
from latentclust.evaluation.results import Result, collapse
from latentclust.gallery.number import show_choice
from latentclust.gallery.show import show, sketch, write_report
from latentclust.models import AE, Clusters, LatentModel, Pretrains, StartsFromMixture
from latentclust.registry import DATA
from latentclust.runs.code_mixture import keep_code_mixture
from latentclust.runs.describing import assign_all, keep_bounds
from latentclust.runs.image_neighbors import SEARCH, image_neighbors
from latentclust.runs.pretrained import FirstStage, pretrained_autoencoder
from latentclust.runs.resume import train_from
from latentclust.runs.run import Run, tell
from latentclust.runs.summary import Summary
from latentclust.settings import Settings
from latentclust.settings.callbacks import ClusterAccuracy as AccuracySettings
from latentclust.settings.figures import Figures
from latentclust.settings.init import Init, Manifold
from latentclust.settings.output import Output
from latentclust.settings.resolve import resolve
from latentclust.training.callbacks import (
    ClusterAccuracy,
    ClusterTargets,
    EpochFigures,
    History,
    MixtureInitialization,
)
from latentclust.training.inference import Looked
from latentclust.training.loggers import closed_on_failure
from latentclust.training.measuring import measure
from latentclust.training.trainers import TrainingSetup, build_trainer

log = logging.getLogger(__name__)


class Trained(NamedTuple):
    """What is left of a training beside the model."""

    trainer: L.Trainer
    history: History


def name_of(inputs: DataModule) -> str:
    """Return what inputs are called: by ``data=...``, or by their class."""
    names: dict[type, str] = {kind: name for name, kind in DATA.items()}
    return names.get(type(inputs), type(inputs).__name__)


def prepare(inputs: DataModule, settings: Settings, run: Run) -> tuple[DataModule, Settings]:
    """Load the inputs, unless they are, and fill in the settings that depend on what they are.

    A module that was given no augmentation or preprocessing of its own takes those of the settings, whatever
    an earlier run had.

    Raises
    ------
    LatentclustError
        If they cannot be had, are fewer than the clusters, do not suit the settings, or are others than those
        of the run's checkpoint.
    """
    inputs.seed = settings.seed
    steps = settings.steps
    if not inputs.is_loaded_with(steps):
        with run.timed("data"):
            inputs.setup_with(steps)
    settings = resolved(inputs, settings, told=run.checkpoint is None)
    inputs.augment_as(Augmentation(**settings.augment.model_dump()))
    require_enough(len(inputs.pool), settings.k_limits[0], f"{inputs.kind}s")
    if told := too_alike(inputs.pool.inputs, settings.k_limits[0], f"{inputs.kind}s"):
        run.warn(told)
    run.check_data(inputs, name_of(inputs))
    if inputs.passes > 1:
        log.info(
            "An epoch goes %d times over the %s %ss (data.min_images_per_epoch=%d)",
            inputs.passes,
            f"{len(inputs.pool):,}",
            inputs.kind,
            inputs.min_images_per_epoch,
        )
    return inputs, settings


def resolved(inputs: DataModule, settings: Settings, *, told: bool = True) -> Settings:
    """Fill in the settings that depend on what the inputs are, and say what was chosen.

    Raises
    ------
    LatentclustError
        If a setting does not suit the inputs.
    """
    steps = [str(step) for step in inputs.description.preprocess.steps]
    n = min(len(inputs.pool), getattr(settings.init, "sample", len(inputs.pool)))
    settings, chosen = resolve(settings, inputs.input_shape, steps, n)
    if told:
        for line in inputs.notes:
            tell(line)
        if chosen:
            tell(f"For these {inputs.kind}s: {'; '.join(chosen)}")
    return settings


def require_enough(n: int, n_clusters: int, kind: str) -> None:
    """Check that there are as many inputs as clusters.

    Raises
    ------
    LatentclustError
        If there are fewer.
    """
    if n_clusters > n:
        raise LatentclustError(f"n_clusters is {n_clusters}, but there are only {n} {kind}: choose fewer")


def pretrain(
    model: Pretrains, stage: FirstStage, setup: TrainingSetup, data: DataModule, run: Run
) -> AE | None:
    """Train the model's first stage, or take it from the cache, and start the model from it."""
    autoencoder = pretrained_autoencoder(stage, setup, data, run)
    if autoencoder is not None:
        model.start_from(autoencoder)
    return autoencoder


def start_of(
    model: LatentModel, init: Init, seed: int, output_dir: Path, data: DataModule
) -> MixtureInitialization | None:
    """Return what fits the model's mixture when its training begins; None if it has none."""
    if not isinstance(model, StartsFromMixture):
        return None
    options = init.model_dump(exclude={"name", *SEARCH})
    if isinstance(init, Manifold):
        options["search"] = partial(image_neighbors, init, output_dir, data)
    return MixtureInitialization(init.name, seed, **options)


def measures(
    start: MixtureInitialization | None, accuracy: AccuracySettings, n_clusters: int, seed: int
) -> list[Callback]:
    """Return the callbacks that start the mixture and measure the clusters."""
    measured = ClusterAccuracy(n_clusters, **accuracy.model_dump(), seed=seed)
    return [measured] if start is None else [start, ClusterTargets(start), measured]


def sketches(figures: Figures, title: str, data: DataModule) -> list[Callback]:
    """Return the callback that draws during the training, if that is wanted."""
    if not figures.every_n_epochs:
        return []
    return [EpochFigures(partial(sketch, figures.plane, title, data), figures.every_n_epochs)]


def train(
    model: LatentModel,
    data: DataModule,
    setup: TrainingSetup,
    callbacks: list[Callback],
    start: MixtureInitialization | None,
    run: Run,
) -> Trained:
    """Train the model, from the run's checkpoint if there is one."""
    history, max_epochs = History(), setup.trainer.max_epochs
    objective = model.objective_metric(data.held_out is not None)
    trainer = build_trainer(
        setup, data, "train", run.folder, objective, max_epochs=max_epochs, measures=[*callbacks, history]
    )
    with run.timed("train"), closed_on_failure(trainer.loggers):
        train_from(run.checkpoint_of("train"), trainer, model, data)
    if start is not None:
        run.seconds["init"] = round(start.seconds, 2)
        run.seconds["train"] = round(run.seconds["train"] - start.seconds, 2)
    early = trainer.early_stopping_callback
    if early is not None and early.stopped_epoch:
        tell(
            f"{objective.name} had not improved for {early.wait_count} epochs: stopped after epoch "
            f"{trainer.current_epoch} of {max_epochs}"
        )
    elif (moved := next((c.settled for c in callbacks if isinstance(c, ClusterTargets)), None)) is not None:
        tell(
            f"settled: {moved:.3%} of the {data.kind}s changed their cluster, less than model.tolerance: "
            f"stopped after epoch {trainer.current_epoch} of {max_epochs}"
        )
    elif trainer.should_stop:
        run.warn(
            f"trainer.max_time was over after epoch {trainer.current_epoch} of {max_epochs}; "
            f"{run.how_to_continue()}"
        )
    return Trained(trainer, history)


def evaluate(
    model: LatentModel,
    data: DataModule,
    n_clusters: int,
    seed: int,
    autoencoder: AE | None,
    start: MixtureInitialization | None,
    run: Run,
) -> list[Result]:
    """Score the model and what it is to be compared with."""
    begun = None if start is None or start.start is None else (start.method, start.start)
    with run.timed("evaluate"):
        keep_code_mixture(run.folder, data, model, n_clusters, seed)
        results = measure(data, model, n_clusters, seed, autoencoder=autoencoder, start=begun)
    if isinstance(model, Clusters) and (warning := collapse(results[-1], n_clusters)):
        run.warn(warning)
    return results


def keep_assignments(output: Output, model: LatentModel, data: DataModule, run: Run) -> Looked:
    """Write ``assignments.csv`` and what belongs to it; the checkpoints get what new inputs are judged by."""
    with run.timed("assign"):
        looked = keep_bounds(run.folder, data, model)
        assign_all(run.folder, output, data, model, looked)
    return looked


def draw(
    figures: Figures,
    model: LatentModel,
    data: DataModule,
    own: Result,
    trained: Trained,
    title: str,
    seed: int,
    summary: Summary,
    run: Run,
    looked: Looked,
    choice: Choice | None = None,
) -> None:
    """Write the figures and the report, if they are wanted; ``choice`` is that of K, if it was chosen."""
    if not figures.at_end:
        return
    curves, loggers = trained.history.metrics, trained.trainer.loggers
    with run.timed("show"):
        show(
            figures,
            run.folder,
            data,
            model,
            own,
            curves,
            title=title,
            seed=seed,
            loggers=loggers,
            looked=looked,
        )
        if choice is not None:
            show_choice(run.folder, choice, title)
    summary.write(run.folder)  # again, now that it has all the times
    write_report(run.folder)
