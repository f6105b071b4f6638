"""Where the curves are written: one small factory."""

import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import CSVLogger, Logger, MLFlowLogger, TensorBoardLogger, WandbLogger

from latentclust.errors import LatentclustError
from latentclust.settings.logger import Logger as LoggerSettings

URI = "MLFLOW_TRACKING_URI"


class ByEpoch(Logger):
    """A logger whose steps are epochs done, so that the curves of all models and batch sizes line up.

    Step 0 is the start, before the first epoch.
    """

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log values; ``epoch``, counted from 0 as Lightning does, says of which epoch they are."""
        values = dict(metrics)
        epoch = values.pop("epoch", None)
        at = step if epoch is None else int(epoch) + 1
        super().log_metrics(values, at)  # type: ignore[safe-super]


class TensorBoardCurves(ByEpoch, TensorBoardLogger):
    """TensorBoard's logger, by epoch."""


class WandbCurves(ByEpoch, WandbLogger):
    """That of Weights & Biases, by epoch."""


class MLFlowCurves(ByEpoch, MLFlowLogger):
    """MLflow's, by epoch."""


build_wandb, build_mlflow, OPTIONAL = WandbCurves, MLFlowCurves, WandbCurves | MLFlowCurves


def build_loggers(
    settings: LoggerSettings, folder: Path, name: str | None = None, shared: Path | None = None
) -> list[Logger]:
    """Build the loggers that write into a stage's folder.

    Parameters
    ----------
    settings
        Which ones.
    folder
        The stage's.
    name
        What Weights & Biases and MLflow call the run.
    shared
        The folder of what several runs share, such as MLflow's database; by default the stage's.

    Raises
    ------
    LatentclustError
        If MLflow is to write to a server that is not named.
    """
    # Lightning announces the hardware at each start, twice per run; the summary names the device once.
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    loggers: list[Logger] = []
    if settings.tensorboard:
        loggers.append(
            TensorBoardCurves(folder / "tensorboard", name="", version="", default_hp_metric=False)
        )
    if settings.csv:
        loggers.append(CSVLogger(folder, name="", version=""))
    project, offline = settings.project, settings.offline
    if settings.wandb:
        loggers.append(
            build_wandb(name=name, save_dir=folder, project=project, offline=offline, log_model=False)
        )
    if settings.mlflow:
        uri = mlflow_uri(settings, shared or folder)
        loggers.append(build_mlflow(experiment_name=project, run_name=name, tracking_uri=uri))
    return loggers


def mlflow_uri(settings: LoggerSettings, shared: Path) -> str:
    """Return where MLflow writes: a folder of files, or the server that the environment names.

    Raises
    ------
    LatentclustError
        If it names none.
    """
    if settings.offline:
        # MLflow 3 wants to be told that files are meant.
        os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
        return (shared / "mlflow").resolve().as_uri()
    if not os.environ.get(URI):
        raise LatentclustError(f"logger.mlflow with logger.offline=false: say where the server is in {URI}")
    return os.environ[URI]


def log_settings(loggers: Iterable[Logger], given: Mapping[str, Any]) -> None:
    """Give Weights & Biases and MLflow the settings of a run."""
    for logger in loggers:
        if isinstance(logger, OPTIONAL):
            logger.log_hyperparams(dict(given))


def close(loggers: Iterable[Logger], status: str = "success") -> None:
    """End a stage's curves, so that the next run of this process begins new ones.

    Parameters
    ----------
    loggers
        The stage's.
    status
        ``success`` or ``failed``.
    """
    for logger in loggers:
        logger.finalize(status)
        # One that has logged nothing has no run yet, and asked for it would begin one.
        if isinstance(logger, WandbCurves) and logger._experiment is not None:
            logger.experiment.finish(exit_code=int(status != "success"))


@contextmanager
def closed_on_failure(loggers: Iterable[Logger]) -> Iterator[None]:
    """End a stage's curves if the block fails or is interrupted."""
    try:
        yield
    except BaseException:
        for logger in loggers:
            with suppress(Exception):  # what is to be heard of is why the block failed
                close([logger], "failed")
        raise
