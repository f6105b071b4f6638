"""The progress bar."""

from typing import Any

import lightning as L
from lightning.pytorch.callbacks import RichProgressBar


class StageProgress(RichProgressBar):
    """Lightning's rich progress bar, with the stage's name and epochs counted from 1.

    Parameters
    ----------
    stage
        What the bar is called, such as ``pretrain``.
    """

    def __init__(self, stage: str) -> None:
        super().__init__(refresh_rate=10)
        self.stage = stage

    def get_metrics(self, trainer: L.Trainer, pl_module: L.LightningModule) -> dict[str, Any]:
        """Leave out Lightning's version number."""
        return {
            name: value for name, value in super().get_metrics(trainer, pl_module).items() if name != "v_num"
        }

    def _get_train_description(self, current_epoch: int) -> str:
        return f"{self.stage} epoch {current_epoch + 1}/{self.trainer.max_epochs}"
