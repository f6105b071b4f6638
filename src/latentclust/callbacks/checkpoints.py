"""Checkpoints that continue a run, and the record that says which run it was."""

from collections.abc import Sequence
from pathlib import Path
from time import monotonic
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import ModelCheckpoint

from latentclust import __version__

RECORD_KEY = "latentclust"


class Checkpoints(ModelCheckpoint):
    """Writes ``last.ckpt`` at the start and after every n-th epoch, and ``best.ckpt`` by the training loss.

    The loss is label-free. The checkpoint at the start lets a run continue that is stopped in its first
    epoch, after its pretraining and its mixture's initialization. The last epoch always gets one.

    Parameters
    ----------
    folder
        Where they go.
    every_n_epochs
        How often; at least 1.
    seconds_apart
        Skip those that come sooner than so many seconds after the one before: where epochs are short,
        writing would cost more than it saves.
    """

    def __init__(self, folder: Path, every_n_epochs: int = 1, seconds_apart: float = 0.0) -> None:
        super().__init__(
            folder,
            filename="best",
            monitor="train/loss",
            save_last=True,
            every_n_epochs=1,  # which ones are due is decided here
            enable_version_counter=False,
            save_on_train_epoch_end=True,
        )
        self.folder = folder
        self.interval = every_n_epochs
        self.seconds_apart = seconds_apart
        self.written = 0.0

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Write ``last.ckpt`` before the first epoch."""
        super().on_train_start(trainer, pl_module)
        trainer.save_checkpoint(self.folder / "last.ckpt")
        self.written = monotonic()

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Write what is due, and after the last epoch in any case."""
        done = trainer.current_epoch + 1
        due = done % self.interval == 0 and monotonic() - self.written >= self.seconds_apart
        if due or done == trainer.max_epochs or trainer.should_stop:
            super().on_train_epoch_end(trainer, pl_module)
            self.written = monotonic()


class RunRecord(L.Callback):
    """Writes into each checkpoint which run it is of: its overrides, its stage and the model's class.

    Parameters
    ----------
    stage
        ``pretrain`` or ``train``.
    overrides
        The command line's, as Hydra took them.
    """

    def __init__(self, stage: str, overrides: Sequence[str]) -> None:
        self.record = {"version": __version__, "stage": stage, "overrides": list(overrides)}

    def on_save_checkpoint(
        self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Add the record."""
        checkpoint[RECORD_KEY] = self.record | {"model": type(pl_module).__name__}
