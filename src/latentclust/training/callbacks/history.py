"""Remember what was logged, over a stop and a continuation too."""

from typing import Any

import lightning as L


class History(L.Callback):
    """Keeps each metric's value after every epoch; checkpoints carry it, so a continued run has whole curves.

    Attributes
    ----------
    metrics
        Pairs of epoch and value by the metric's name. Epochs are counted from 1; 0 is what was measured
        before the training.
    """

    def __init__(self) -> None:
        self.metrics: dict[str, list[tuple[int, float]]] = {}

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Take what was measured before the first epoch."""
        if not trainer.ckpt_path:
            for name, value in trainer.callback_metrics.items():
                if "/" in name:
                    self.metrics.setdefault(name, []).append((0, float(value)))

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Take the learning rates that the epoch starts with."""
        # Otherwise what only some epochs log would be taken again in the others.
        trainer.callback_metrics.clear()
        for group in trainer.optimizers[0].param_groups:
            self.remember(trainer, f"learning_rate/{group['name']}", group["lr"])

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Take what the epoch has logged."""
        for name, value in trainer.callback_metrics.items():
            if "/" in name and not name.startswith("learning_rate/"):
                self.remember(trainer, name, float(value))

    def remember(self, trainer: L.Trainer, name: str, value: float) -> None:
        """Add a value of the current epoch."""
        self.metrics.setdefault(name, []).append((trainer.current_epoch + 1, value))

    def final(self) -> dict[str, float]:
        """Return each metric's last value."""
        return {name: series[-1][1] for name, series in self.metrics.items()}

    def state_dict(self) -> dict[str, Any]:
        """Return the metrics for a checkpoint."""
        return {"metrics": self.metrics}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the metrics from a checkpoint."""
        self.metrics = state_dict["metrics"]
