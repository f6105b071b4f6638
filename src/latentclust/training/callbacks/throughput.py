"""How fast training goes."""

from time import perf_counter
from typing import Any

import lightning as L
import torch

from latentclust.data import Batch


class Throughput(L.Callback):
    """Logs ``perf/samples_per_second``: the inputs of an epoch over the time of its training steps.

    The clock runs from the beginning of the first step to the end of the last one. What comes before and
    after is no training: fits of the mixture, targets, validation, accuracy, figures, checkpoints. An input
    that the epoch goes over several times counts as often.
    """

    def __init__(self) -> None:
        self.start = 0.0
        self.seconds = 0.0
        self.n_images = 0

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Start the clock at the epoch's first step."""
        if self.n_images == 0:
            wait_for(pl_module.device)
            self.start = perf_counter()

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        """Stop it at the last one."""
        self.n_images += batch.size
        if trainer.is_last_batch:
            wait_for(pl_module.device)
            self.seconds = perf_counter() - self.start

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Log the inputs of all processes by the time."""
        if self.seconds > 0:
            speed = self.n_images / self.seconds
            pl_module.log("perf/samples_per_second", speed, sync_dist=True, rank_zero_only=True)
        self.n_images, self.seconds = 0, 0.0


def wait_for(device: torch.device) -> None:
    """Wait until a device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
