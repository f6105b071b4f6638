"""Make each epoch's noise a function of the seed and the epoch alone."""

import lightning as L
import numpy as np
import torch


class EpochSeed(L.Callback):
    """Seeds torch at the start of every epoch.

    A run that was stopped and continued then draws the noise that it would have drawn without the stop, and a
    stage draws the same whether or not an earlier stage came out of the cache.

    Parameters
    ----------
    seed
        The run's, non-negative.
    stage
        Stages with different names draw different noise.
    """

    def __init__(self, seed: int, stage: str) -> None:
        self.entropy = (seed, *stage.encode())

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Seed torch on all devices from (seed, stage, epoch, rank)."""
        mixed = np.random.SeedSequence((*self.entropy, trainer.current_epoch, trainer.global_rank))
        torch.manual_seed(int(mixed.generate_state(1).item()))
