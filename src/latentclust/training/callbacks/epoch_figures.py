"""Figures in TensorBoard while the training goes on."""

from collections.abc import Callable, Iterable

import lightning as L
from lightning.pytorch.loggers import TensorBoardLogger
from matplotlib.figure import Figure

from latentclust import progress
from latentclust.models import LatentModel


class EpochFigures(L.Callback):
    """Draws the model after every n-th epoch, for TensorBoard's images, and before the first one.

    What a continued run began with is in the other run's images.

    Parameters
    ----------
    draw
        From the model and the number of epochs done to figures by name. It must draw no random numbers of the
        training.
    every_n_epochs
        At least 1.
    """

    def __init__(
        self, draw: Callable[[LatentModel, int], Iterable[tuple[str, Figure]]], every_n_epochs: int
    ) -> None:
        self.draw = draw
        self.every_n_epochs = every_n_epochs

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Draw what the training begins with."""
        if not trainer.ckpt_path:
            self.show(trainer, pl_module, 0)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Draw and log; the last epoch is left to the end of the run."""
        if not trainer.is_global_zero:
            return
        done = trainer.current_epoch + 1
        if done % self.every_n_epochs == 0 and done != trainer.max_epochs:
            self.show(trainer, pl_module, done)

    def show(self, trainer: L.Trainer, pl_module: L.LightningModule, done: int) -> None:
        """Draw the model after this many epochs and log it."""
        writers = [logger.experiment for logger in trainer.loggers if isinstance(logger, TensorBoardLogger)]
        if not writers:
            return
        assert isinstance(pl_module, LatentModel)
        with progress.task("figures"):
            for name, figure in self.draw(pl_module, done):
                for writer in writers:
                    writer.add_figure(name, figure, done)
