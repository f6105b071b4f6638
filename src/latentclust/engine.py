"""Train a model, or partition inputs as they are: the same from the command line and from Python."""

from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import lightning as L
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from latentclust.clustering import require_possible
from latentclust.clustering.partitions import Partition
from latentclust.clustering.partitions import partition as partition_points
from latentclust.data import Augmentation, ImageDataModule
from latentclust.errors import LatentclustError
from latentclust.evaluation.baselines import RESTARTS
from latentclust.evaluation.findings import NAMES, Inputs, measure_distances, score
from latentclust.evaluation.results import Result, collapse
from latentclust.gallery.show import show, sketch, write_report
from latentclust.gallery.show_partition import show_partition
from latentclust.hardware import choose_accelerator
from latentclust.models import AE, Clusters, LatentModel, Pretrains, StartsFromMixture
from latentclust.registry import DATA
from latentclust.runs.clusters import keep_clusters
from latentclust.runs.code_mixture import keep_code_mixture
from latentclust.runs.image_neighbors import SEARCH, image_neighbors
from latentclust.runs.pretrained import FirstStage, pretrained_autoencoder
from latentclust.runs.resume import train_from
from latentclust.runs.run import Run
from latentclust.runs.summary import Summary
from latentclust.settings import Settings
from latentclust.settings.augment import Augment
from latentclust.settings.callbacks import ClusterAccuracy as AccuracySettings
from latentclust.settings.figures import Figures
from latentclust.settings.init import Init, Manifold
from latentclust.settings.model import NetworkModel as ModelSettings
from latentclust.settings.model import Partition as PartitionSettings
from latentclust.settings.model import Pretrained
from latentclust.training.builders import TrainingSetup, build_model, build_trainer
from latentclust.training.callbacks import (
    ClusterAccuracy,
    ClusterTargets,
    EpochFigures,
    History,
    MixtureInitialization,
)
from latentclust.training.measuring import measure
from latentclust.training.quiet import without_known_warnings


@dataclass(frozen=True)
class Outcome:
    """What a run has found.

    Attributes
    ----------
    model
        The trained model, or the partition of points.
    results
        The rows of the result table; the model's own clustering comes last.
    summary
        What ``summary.json`` holds.
    objective
        The metric that says how good the model is, without labels.
    notes
        What a person may want to read beside the table.
    """

    model: LatentModel | Partition
    results: list[Result]
    summary: Summary
    objective: str
    notes: tuple[str, ...] = ()

    @property
    def clusters(self) -> Tensor:
        """The pool's clusters ``(N,)``, int64, on the CPU."""
        return self.results[-1].clusters

    def metric(self, name: str) -> float | None:
        """Return a metric; ``objective`` is the one that needs no labels.

        Raises
        ------
        LatentclustError
            If the run has none of that name.
        """
        return self.summary.metric(name, self.objective)


class Trained(NamedTuple):
    """What is left of a training beside the model."""

    trainer: L.Trainer
    history: History


@without_known_warnings()
def fit(inputs: ImageDataModule, settings: Settings, run: Run | None = None) -> Outcome:
    """Train the model of ``settings.model``, measure it and draw it.

    Parameters
    ----------
    inputs
        The images. They need not be loaded, and ``settings.data`` is not looked at.
    settings
        All settings.
    run
        Where it writes, and what it continues; by default a new temporary folder.

    Raises
    ------
    LatentclustError
        If the images cannot be had, or do not fit the settings or the checkpoint.

    Examples
    --------
    >>> from latentclust.data import DigitsDataModule
    >>> from latentclust.settings import settings_for
    >>> settings = settings_for("ae", network="shallow", figures={"at_end": False})
    >>> outcome = fit(DigitsDataModule(limit=300), settings)
    >>> outcome.clusters.shape
    torch.Size([300])
    """
    run, plan, name, seed = run or Run(), settings.model, name_of(inputs), settings.seed
    k, output_dir = settings.n_clusters, Path(settings.output_dir)
    assert isinstance(plan, ModelSettings)
    run.begin(settings.trainer, seed, settings.ckpt_path, output_dir)
    data = prepare(inputs, name, settings.augment, k, seed, run)
    require_possible(settings.init.name, len(data.pool))
    model = build_model(plan, settings.network, k, seed, data.input_shape)
    title, objective = f"{type(model).__name__} on {name}", model.objective_metric(data.held_out is not None)
    setup = TrainingSetup(
        settings.trainer,
        settings.callbacks.checkpoint,
        settings.logger,
        seed,
        run.deadline,
        run.overrides,
        name,
    )

    autoencoder = None
    if isinstance(model, Pretrains) and isinstance(plan, Pretrained):
        stage = FirstStage(plan, settings.network, settings.trainer, seed, output_dir)
        autoencoder = pretrain(model, stage, setup, data, run)
    start = start_of(model, settings.init, seed, output_dir, data)
    callbacks = measures(start, settings.callbacks.cluster_accuracy, k, seed)
    callbacks += sketches(settings.figures, title, data)
    trained = train(model, data, setup, callbacks, start, run)
    results = evaluate(model, data, k, seed, autoencoder, start, run)
    summary = Summary.of(
        run,
        type(model).__name__,
        results,
        trained.history.final(),
        data=name,
        accelerator=choose_accelerator(settings.trainer.accelerator),
        config=settings.plain(),
    )
    summary.write(run.folder)  # now, so that a figure that fails does not cost the numbers
    draw(settings.figures, model, data, results[-1], trained, title, seed, summary, run)
    summary.write(run.folder)
    summary.log_hparams(trained.trainer.loggers)
    return Outcome(model, results, summary, objective.name)


def name_of(inputs: ImageDataModule) -> str:
    """Return what images are called: by ``data=...``, or by their class."""
    names: dict[type, str] = {kind: name for name, kind in DATA.items()}
    return names.get(type(inputs), type(inputs).__name__)


def prepare(
    inputs: ImageDataModule, name: str, augment: Augment, n_clusters: int, seed: int, run: Run
) -> ImageDataModule:
    """Load the images, unless they are, and check that they are what the run needs.

    A module that changes no image by itself changes them as ``augment`` says.

    Raises
    ------
    LatentclustError
        If they cannot be had, are fewer than the clusters, or others than those of the run's checkpoint.
    """
    inputs.seed = seed
    if inputs.augmentation == Augmentation():
        inputs.augmentation = Augmentation(**augment.model_dump())
    with run.timed("data"):
        inputs.setup()
    require_enough(len(inputs.pool), n_clusters, "images")
    run.check_data(inputs, name)
    return inputs


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
    model: Pretrains, stage: FirstStage, setup: TrainingSetup, data: ImageDataModule, run: Run
) -> AE | None:
    """Train the model's first stage, or take it from the cache, and start the model from it."""
    autoencoder = pretrained_autoencoder(stage, setup, data, run)
    if autoencoder is not None:
        model.start_from(autoencoder)
    return autoencoder


def start_of(
    model: LatentModel, init: Init, seed: int, output_dir: Path, data: ImageDataModule
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


def sketches(figures: Figures, title: str, data: ImageDataModule) -> list[Callback]:
    """Return the callback that draws during the training, if that is wanted."""
    if not figures.every_n_epochs:
        return []
    return [EpochFigures(partial(sketch, figures.plane, title, data), figures.every_n_epochs)]


def train(
    model: LatentModel,
    data: ImageDataModule,
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
    with run.timed("train"):
        train_from(run.checkpoint_of("train"), trainer, model, data)
    if start is not None:
        run.seconds["init"] = round(start.seconds, 2)
        run.seconds["train"] = round(run.seconds["train"] - start.seconds, 2)
    if trainer.should_stop:
        run.warn(
            f"trainer.max_time was over after epoch {trainer.current_epoch} of {max_epochs}; "
            f"{run.how_to_continue()}"
        )
    return Trained(trainer, history)


def evaluate(
    model: LatentModel,
    data: ImageDataModule,
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


def draw(
    figures: Figures,
    model: LatentModel,
    data: ImageDataModule,
    own: Result,
    trained: Trained,
    title: str,
    seed: int,
    summary: Summary,
    run: Run,
) -> None:
    """Write the figures and the report, if they are wanted."""
    if not figures.at_end:
        return
    curves, loggers = trained.history.metrics, trained.trainer.loggers
    with run.timed("show"):
        show(figures, run.folder, data, model, own, curves, title=title, seed=seed, loggers=loggers)
    summary.write(run.folder)  # again, now that it has all the times
    write_report(run.folder)


def partition(inputs: Inputs, settings: Settings, run: Run | None = None) -> Outcome:
    """Partition points, or the pixels of images, by a method that is no network.

    It leaves no checkpoint, so its clusters are written to ``clusters.npz``.

    Parameters
    ----------
    inputs
        What is partitioned; ``settings.data`` only gives points their name.
    settings
        All settings; ``settings.model`` is the method.
    run
        Where it writes; by default a new temporary folder.

    Raises
    ------
    LatentclustError
        If there are fewer inputs than clusters, or too many for the method.
    """
    run, method, k, seed = run or Run(), settings.model, settings.n_clusters, settings.seed
    assert isinstance(method, PartitionSettings)
    run.begin(settings.trainer, seed, settings.ckpt_path, Path(settings.output_dir))
    require_enough(len(inputs.sample), k, inputs.kind)
    with run.timed("partition"):
        options = method.model_dump(exclude={"name"})
        found = partition_points(method.name, inputs.sample, k, seed=seed, **options)
    with run.timed("evaluate"):
        results = [score(method.name, inputs, found, k)]
        if method.name != "kmeans":
            rival = partition_points("kmeans", inputs.sample, k, seed=seed, n_init=RESTARTS)
            results.insert(0, score("kmeans", inputs, rival, k))
        finding = measure_distances(inputs, found, seed)
    summary = Summary.of(
        run,
        NAMES[method.name],
        results,
        {"train/loss": found.objective} | finding.metrics,
        data=settings.data.name if inputs.data is None else name_of(inputs.data),
        accelerator="cpu",  # scikit-learn's
        config=settings.plain(),
        inputs=inputs.kind,
    )
    summary.write(run.folder)  # now, so that a figure that fails does not cost the numbers
    path = keep_clusters(run.folder, inputs, results[-1])
    if settings.figures.at_end:
        with run.timed("show"):
            show_partition(run.folder, finding, results[-1], asdict(summary))
    summary.write(run.folder)
    kept = f"The clusters of {len(results[-1].clusters)} {inputs.kind}, in their order: {path}"
    return Outcome(found, results, summary, "train/loss", (kept, finding.in_words))
