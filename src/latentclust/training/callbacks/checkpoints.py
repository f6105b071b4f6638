"""Checkpoints that continue a run, and the record that says which run it was."""

from collections.abc import Mapping, Sequence
from copy import copy
from pathlib import Path
from time import monotonic
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import ModelCheckpoint

from latentclust import __version__
from latentclust.data import DataModule
from latentclust.processes import from_first
from latentclust.signals import shielded

RECORD_KEY = "latentclust"


class Checkpoints(ModelCheckpoint):
    """Writes ``last.ckpt`` at the start and after every n-th epoch, and ``best.ckpt`` by a logged metric.

    The metric is looked at after every epoch, whether or not its checkpoint is due: which epoch is the best
    one does not depend on the clock. One that does not log the metric is not the best one. The checkpoint at
    the start lets a run continue that is stopped in its first epoch, after its pretraining and its mixture's
    initialization. The last epoch always gets one. Where an epoch's end was not due, its state is kept in
    memory, as is the best epoch's, and written when an exception ends the training: a signal costs no more
    than the epoch that it falls into. (A state from the middle of an epoch would not continue bit for bit.)

    Parameters
    ----------
    folder
        Where they go.
    every_n_epochs
        How often; at least 1.
    seconds_apart
        Skip those that come sooner than this many seconds after the one before: where epochs are short,
        writing would cost more than it saves.
    monitor, mode
        The metric, and whether ``min`` or ``max`` is better.
    """

    def __init__(
        self,
        folder: Path,
        every_n_epochs: int = 1,
        seconds_apart: float = 0.0,
        monitor: str = "train/loss",
        mode: str = "min",
    ) -> None:
        super().__init__(
            folder,
            filename="best",
            monitor=monitor,
            mode=mode,
            save_last=False,  # Lightning would write it after the best epochs only
            every_n_epochs=1,  # which ones are due is decided here
            enable_version_counter=False,
            save_on_train_epoch_end=True,
        )
        self.folder = folder
        self.interval = every_n_epochs
        self.seconds_apart = seconds_apart
        self.written = 0.0
        # What is not on the disk yet, in the process that writes: the last epoch's end, and the best one's.
        self.pending: dict[str, Any] | None = None
        self.pending_best: dict[str, Any] | None = None
        self.is_best = False

    @property
    def last(self) -> Path:
        """Where the newest checkpoint lies."""
        return self.folder / "last.ckpt"

    @property
    def best(self) -> Path:
        """Where that of the best epoch lies."""
        return self.folder / "best.ckpt"

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Write ``last.ckpt`` before the first epoch."""
        super().on_train_start(trainer, pl_module)
        with shielded():
            trainer.save_checkpoint(self.last)
        self.written = monotonic()

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Write what is due, and after the last epoch in any case."""
        done = trainer.current_epoch + 1
        due = done % self.interval == 0 and monotonic() - self.written >= self.seconds_apart
        due = from_first(due)  # by the clock of one process
        with shielded():
            self.is_best = False
            if self.monitor in trainer.callback_metrics:
                super().on_train_epoch_end(trainer, pl_module)
            if due or done == trainer.max_epochs or trainer.should_stop:
                if self.is_best:
                    trainer.save_checkpoint(self.best)
                    self.pending_best = None
                self.write_best(trainer)
                trainer.save_checkpoint(self.last)
                self.pending, self.written = None, monotonic()
            elif trainer.is_global_zero:
                self.pending = copied(trainer._checkpoint_connector.dump_checkpoint(weights_only=False))
                if self.is_best:
                    self.pending_best = self.pending

    def _save_checkpoint(self, trainer: L.Trainer, filepath: str) -> None:
        """Note that the epoch is the best one so far, which Lightning wants written at once."""
        self.is_best = True

    def write_best(self, trainer: L.Trainer) -> None:
        """Write the best epoch's end, if that is not on the disk yet."""
        if self.pending_best is not None:
            trainer.strategy.checkpoint_io.save_checkpoint(self.pending_best, self.best)
            self.pending_best = None

    def on_exception(
        self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException
    ) -> None:
        """Write the ends of the last epoch and of the best one, if they are not on the disk yet."""
        if self.pending is not None:
            trainer.strategy.checkpoint_io.save_checkpoint(self.pending, self.last)
            self.pending = None
        self.write_best(trainer)

    def on_fit_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Give a run its ``last.ckpt`` that continued a finished one and had nothing to train."""
        if not from_first(self.last.exists()):
            trainer.save_checkpoint(self.last)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take nothing from a checkpoint: a continued run has a folder of its own, and its own best one.

        A checkpoint's state names files, which Lightning removes when there is a better one.
        """


class RunRecord(L.Callback):
    """Writes into each checkpoint which run it is of.

    That is: overrides, stage, what is behind it, the model's class, and the data.

    Parameters
    ----------
    stage
        ``pretrain`` or ``train``.
    overrides
        The command line's, as Hydra took them.
    data_name
        What the data is called.
    settled
        The settings that a continuation cannot change, by key.
    """

    def __init__(
        self,
        stage: str,
        overrides: Sequence[str],
        data_name: str | None = None,
        settled: Mapping[str, Any] | None = None,
    ) -> None:
        self.record: dict[str, Any] = {"version": __version__, "stage": stage, "overrides": list(overrides)}
        self.record["settled"] = dict(settled or {})
        self.data_name = data_name

    def on_save_checkpoint(
        self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Add the record."""
        checkpoint[RECORD_KEY] = self.record | {"model": type(pl_module).__name__}
        data = trainer.datamodule  # type: ignore[attr-defined]
        if isinstance(data, DataModule):
            checkpoint[RECORD_KEY]["data"] = describe(data, self.data_name)


def describe(data: DataModule, name: str | None) -> dict[str, Any]:
    """Say in plain values which inputs those of the pool are.

    Returns
    -------
    dict[str, Any]
        ``name``; ``images``, the number of inputs; ``shape`` of one, ``[C, H, W]`` or ``[P]``;
        ``fingerprint``, their SHA-256.
    """
    return {
        "name": name,
        "images": len(data.pool),
        "shape": list(data.input_shape),
        "fingerprint": data.fingerprint,
    }


def copied(node: Any) -> Any:
    """Copy a checkpoint's content, tensors to the CPU, so that training on does not change it."""
    if isinstance(node, torch.Tensor):
        return node.detach().to("cpu", copy=True)
    if isinstance(node, dict):
        fresh = copy(node)
        for key, value in node.items():
            fresh[key] = copied(value)
        return fresh
    return type(node)(map(copied, node)) if type(node) in (list, tuple) else node
