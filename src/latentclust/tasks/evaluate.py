"""Measure a trained model."""

from pathlib import Path

from latentclust.data import Augmentation, DataModule
from latentclust.engine.stages import resolved
from latentclust.errors import LatentclustError
from latentclust.evaluation.results import Result
from latentclust.hardware import choose_accelerator
from latentclust.models import LatentModel
from latentclust.runs.assignments import require_parquet
from latentclust.runs.code_mixture import require_code_mixture
from latentclust.runs.describing import assign_all
from latentclust.runs.pretrained import FirstStage, cached_autoencoder
from latentclust.runs.rebuilding import load_weights
from latentclust.runs.run import Run
from latentclust.runs.summary import Summary, conclude
from latentclust.settings import Settings
from latentclust.settings.data import PoolData
from latentclust.settings.model import NetworkModel, Pretrained
from latentclust.training.builders import build_data, build_model
from latentclust.training.inference import Looked, look
from latentclust.training.measuring import health_of, measure, objective_terms


def evaluate(settings: Settings, run: Run) -> float | None:
    """Measure the model of ``ckpt_path`` on its data and write ``summary.json``.

    Returns
    -------
    float | None
        The metric that ``optimized_metric`` names, for a sweeper: a score of the model's own clustering, or a
        term of the objective, here a mean over the inputs as they are.

    Raises
    ------
    LatentclustError
        If there is no such metric outside of a training; after everything was written.
    """
    with run.timed("data"):
        data, model, settings = load_trained(settings, run)
    with run.timed("evaluate"):
        results = scored(settings, data, model)
        terms = objective_terms(data, model, settings.seed)
        assign(settings, run, data, model)
    summary = Summary.of(
        run,
        type(model).__name__,
        results,
        terms,
        data=settings.data.name,
        accelerator=choose_accelerator(settings.trainer.accelerator),
        config=settings.plain(),
        inputs=f"{data.kind}s",
        health=health_of(data, model, results[-1], settings.k),
    )
    summary.write(run.folder)
    conclude(run, summary, results)
    return summary.metric(settings.optimized_metric, model.objective_metric(data.held_out is not None).name)


def load_trained(settings: Settings, run: Run) -> tuple[DataModule, LatentModel, Settings]:
    """Load the inputs onto the device and the model that ``ckpt_path`` holds, with its clusters.

    The settings that depend on what the inputs are come back filled in.

    The clusters of an AE or a VAE are those of the mixture in its checkpoint. A checkpoint that was written
    before the training was over has none: its codes get one here, with a warning.

    Raises
    ------
    LatentclustError
        If there is no checkpoint, or it is of the pretraining, or it does not fit the inputs.
    """
    begin(settings, run)
    require_parquet(settings.output)
    checkpoint = require_trained(settings.task.name, run)
    accelerator = choose_accelerator(settings.trainer.accelerator)
    seed, k = settings.seed, settings.k
    assert isinstance(settings.data, PoolData)
    fast_dev_run = settings.trainer.fast_dev_run
    data = build_data(settings.data, settings.steps, seed, k, fast_dev_run=fast_dev_run).to(accelerator)
    settings = resolved(data, settings, told=False)
    data.augment_as(Augmentation(**settings.augment.model_dump()))  # a cached pretraining may depend on it
    assert isinstance(settings.model, NetworkModel)
    model = build_model(settings.model, settings.network, k, seed, data.input_shape)
    load_weights(checkpoint, model)
    model.to(accelerator).eval()
    require_code_mixture(run, data, model, k, seed)
    return data, model, settings


def assign(settings: Settings, run: Run, data: DataModule, model: LatentModel) -> Looked:
    """Write ``assignments.csv`` and what belongs to it, and return what the model says of the pool."""
    looked = look(data, model)
    assign_all(run.folder, settings.output, data, model, looked)
    return looked


def begin(settings: Settings, run: Run) -> None:
    """Begin the run and find its checkpoint."""
    run.begin(settings.trainer, settings.seed, settings.ckpt_path, Path(settings.output_dir))


def scored(settings: Settings, data: DataModule, model: LatentModel) -> list[Result]:
    """Score a model, and its first stage too if the cache still has that."""
    autoencoder, plan, seed = None, settings.model, settings.seed
    if isinstance(plan, Pretrained):
        stage = FirstStage(plan, settings.network, settings.trainer, seed, Path(settings.output_dir))
        autoencoder = cached_autoencoder(stage, data)
    return measure(data, model, settings.k, seed, autoencoder=autoencoder)


def require_trained(task: str, run: Run) -> Path:
    """Return the checkpoint that the run is to use.

    Raises
    ------
    LatentclustError
        If there is none, or it is of the pretraining.
    """
    if run.checkpoint is None:
        raise LatentclustError(f"task={task} needs a trained model: give ckpt_path=last or a .ckpt file")
    if run.stage != "train":
        raise LatentclustError(
            f"ckpt_path: '{run.checkpoint}' is of a pretraining; finish its run first, with task=fit"
        )
    return run.checkpoint
