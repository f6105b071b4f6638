"""How far training is: a bar in a terminal, a line for each epoch elsewhere."""

import logging
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import RichProgressBar

from latentclust import terminal
from latentclust.progress import LIKE_A_BAR

log = logging.getLogger(__name__)

# What an epoch's line shows: the metric's name, what it is called, how it is written.
SHOWN = (
    ("train/loss", "loss", "{:>9.4g}"),
    ("train/elbo", "elbo", "{:>9.4g}"),
    ("cluster/acc", "acc", "{:>7.2%}"),
    ("kmeans/acc", "k-means acc", "{:>7.2%}"),
    ("gmm/acc", "GMM acc", "{:>7.2%}"),
    ("perf/samples_per_second", "images/s", "{:>7,.0f}"),
)
# ... and in the place of the accuracy where there are no labels.
WITHOUT_LABELS = (
    ("cluster/used", "clusters", "{:>3.0f}"),
    ("cluster/smallest_share", "smallest", "{:>6.2%}"),
)


class EpochLines(L.Callback):
    """Logs a line for each epoch; it comes after the callbacks that measure.

    Parameters
    ----------
    stage
        What the line begins with, such as ``pretrain``.
    """

    def __init__(self, stage: str) -> None:
        self.stage = stage

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Log it."""
        metrics, planned = trainer.callback_metrics, str(trainer.max_epochs)
        wanted = SHOWN if "cluster/acc" in metrics else (*SHOWN, *WITHOUT_LABELS)
        shown = [f"{name} {form.format(float(metrics[key]))}" for key, name, form in wanted if key in metrics]
        epoch = f"{self.stage} epoch {trainer.current_epoch + 1:>{len(planned)}}/{planned}"
        log.info("  ".join([epoch, *shown]), extra=LIKE_A_BAR)


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

    def _init_progress(self, trainer: L.Trainer) -> None:
        if self.progress is not None and not self._progress_stopped:
            return
        terminal.BARS.lend()  # before Lightning takes the terminal: it can hold one display
        super()._init_progress(trainer)
        terminal.BARS.join(self.progress)

    def _stop_progress(self) -> None:
        super()._stop_progress()
        terminal.BARS.join(None)

    def _get_train_description(self, current_epoch: int) -> str:
        return f"{self.stage} epoch {current_epoch + 1}/{self.trainer.max_epochs}"
