"""Train a model: one stage after the other."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from latentclust.clustering import require_possible
from latentclust.clustering.choose import Choice
from latentclust.data import DataModule
from latentclust.engine.apart import process_as_found
from latentclust.engine.choosing import choose_number
from latentclust.engine.outcome import Outcome
from latentclust.engine.stages import (
    Trained,
    draw,
    evaluate,
    keep_assignments,
    measures,
    name_of,
    prepare,
    pretrain,
    sketches,
    start_of,
    train,
)
from latentclust.errors import LatentclustError
from latentclust.hardware import choose_accelerator
from latentclust.models import AE, LatentModel, Pretrains
from latentclust.processes import is_first, leave, world_size
from latentclust.runs.assignments import require_parquet
from latentclust.runs.checkpoints import check_settled
from latentclust.runs.naming import given_settings, name_of_run
from latentclust.runs.pretrained import FirstStage
from latentclust.runs.run import Run
from latentclust.runs.summary import Summary
from latentclust.runs.tensorboard import board, link_by_name, log_hparams, write_columns
from latentclust.settings import Settings
from latentclust.settings.model import NetworkModel as ModelSettings
from latentclust.settings.model import Pretrained
from latentclust.settings.packages import require_packages
from latentclust.training.builders import build_model
from latentclust.training.callbacks import MixtureInitialization
from latentclust.training.loggers import close, closed_on_failure
from latentclust.training.measuring import health_of
from latentclust.training.quiet import without_known_warnings
from latentclust.training.trainers import TrainingSetup


@without_known_warnings()
@process_as_found()
def fit(inputs: DataModule, settings: Settings, run: Run | None = None) -> Outcome:
    """Train the model of ``settings.model``, measure it and draw it; the process's own random numbers go on.

    Parameters
    ----------
    inputs
        The inputs. They need not be loaded, and ``settings.data`` is not looked at.
    settings
        All settings.
    run
        Where it writes, and what it continues; by default a new temporary folder.

    Raises
    ------
    LatentclustError
        If the inputs cannot be had, or do not fit the settings or the checkpoint.

    Examples
    --------
    >>> from latentclust.data import DigitsDataModule
    >>> from latentclust.settings import settings_for
    >>> settings = settings_for("ae", network="shallow", figures={"at_end": False})
    >>> outcome = fit(DigitsDataModule(limit=300), settings)
    For these images: likelihood: squared_error
    >>> outcome.clusters.shape
    torch.Size([300])
    """
    run = run or Run()
    if settings.trainer.n_processes != world_size():
        raise LatentclustError(
            f"trainer.devices={settings.trainer.devices}: several devices train by the command "
            "line alone, as in python -m latentclust trainer=ddp"
        )
    stages = fit_stages(inputs, settings, run)
    with closed_on_failure(stages.trained.trainer.loggers):
        leave()  # the others have done their part
        return conclude(stages, run)


class Stages(NamedTuple):
    """What the stages of a training leave to be measured and shown."""

    data: DataModule
    settings: Settings
    choice: Choice | None
    model: LatentModel
    autoencoder: AE | None
    start: MixtureInitialization | None
    trained: Trained
    title: str
    given: Mapping[str, Any]
    """The settings that were given."""
    named: bool
    """Whether TensorBoard has a name for the run."""


def begin(settings: Settings, run: Run) -> None:
    """Begin a training; does nothing at a second call.

    Raises
    ------
    LatentclustError
        If the machine lacks the hardware, the checkpoint cannot be used, or the settings change what is
        behind it.
    """
    if run.begun:
        return
    run.begin(settings.trainer, settings.seed, settings.ckpt_path, Path(settings.output_dir))
    if run.checkpoint is not None:
        check_settled(run.checkpoint, settings)


def fit_along(inputs: DataModule, settings: Settings, run: Run) -> None:
    """Do what :func:`fit` does in a process that only trains along."""
    fit_stages(inputs, settings, run)
    leave()


def fit_stages(inputs: DataModule, settings: Settings, run: Run) -> Stages:
    """Prepare the inputs and train: in every process, where several devices train."""
    name, seed = name_of(inputs), settings.seed
    output_dir = Path(settings.output_dir)
    begin(settings, run)
    asked = settings
    data, settings = prepare(inputs, settings, run)
    require_parquet(settings.output)
    require_packages(settings)
    settings, choice = choose_number(data, settings, run)
    k = settings.k
    plan = settings.model
    assert isinstance(plan, ModelSettings)
    require_possible(settings.init.name, len(data.pool))
    model = build_model(plan, settings.network, k, seed, data.input_shape)
    model.description = data.description
    title = f"{type(model).__name__} on {name}"
    given = given_settings(run.arguments, settings.plain())
    called = name_of_run(given, job=run.job, tags=settings.tags, continued=run.checkpoint is not None)
    setup = TrainingSetup(
        settings.trainer,
        settings.callbacks.checkpoint,
        settings.logger,
        seed,
        run.deadline,
        run.overrides,
        name,
        settings.callbacks.early_stopping,
        called,
        output_dir,
        asked,
    )

    autoencoder = None
    if isinstance(model, Pretrains) and isinstance(plan, Pretrained):
        stage = FirstStage(plan, settings.network, settings.trainer, seed, output_dir)
        autoencoder = pretrain(model, stage, setup, data, run)
    start = start_of(model, settings.init, seed, output_dir, data)
    callbacks = measures(start, settings.callbacks.cluster_accuracy, k, seed)
    callbacks += sketches(settings.figures, title, data)
    callbacks += run.callbacks
    callbacks.append(board(run.command, given, settings.plain()))
    named = settings.logger.tensorboard and run.folder.resolve().is_relative_to(output_dir.resolve())
    if named and is_first():
        name_in_tensorboard(run, output_dir, called)
    trained = train(model, data, setup, callbacks, start, run)
    return Stages(data, settings, choice, model, autoencoder, start, trained, title, given, named)


def conclude(stages: Stages, run: Run) -> Outcome:
    """Measure the trained model, write what remains of it and draw it."""
    data, settings, choice, model, autoencoder, start, trained, title, given, named = stages
    k, seed, name = settings.k, settings.seed, name_of(data)
    results = evaluate(model, data, k, seed, autoencoder, start, run)
    summary = Summary.of(
        run,
        type(model).__name__,
        results,
        trained.history.final(),
        data=name,
        accelerator=choose_accelerator(settings.trainer.accelerator),
        config=settings.plain(),
        inputs=f"{data.kind}s",
        health=health_of(data, model, results[-1], k),
        choice=choice,
    )
    summary.write(run.folder)  # now, so that a figure that fails does not cost the numbers
    looked = keep_assignments(settings.output, model, data, run)
    draw(settings.figures, model, data, results[-1], trained, title, seed, summary, run, looked, choice)
    summary.write(run.folder)
    log_hparams(trained.trainer.loggers, given, summary.metrics, trained.trainer.current_epoch)
    close(trained.trainer.loggers)
    if named:
        write_columns(Path(settings.output_dir))
    return Outcome(model, results, summary, model.objective_metric(data.held_out is not None).name)


def name_in_tensorboard(run: Run, output_dir: Path, name: str) -> None:
    """Let TensorBoard call the run, and its pretraining if it had one, by what was given."""
    link_by_name(output_dir, name, run.folder / "tensorboard")
    pretrain = run.folder / "pretrain" / "tensorboard"
    if pretrain.is_dir():
        link_by_name(output_dir, f"{name}, pretraining", pretrain)
