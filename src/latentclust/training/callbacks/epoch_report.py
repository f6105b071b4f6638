"""Tell somebody after every epoch how good the model is, without labels; who may end the training."""

from collections.abc import Callable

import lightning as L

from latentclust.data import DataModule
from latentclust.errors import PrunedError
from latentclust.models import LatentModel


class EpochReport(L.Callback):
    """Reports the label-free objective after every epoch that has it.

    Parameters
    ----------
    hopeless
        From the epochs done and the objective, higher is better, to whether the training is to end.

    Raises
    ------
    PrunedError
        On an epoch's end, if it is to end.
    """

    def __init__(self, hopeless: Callable[[int, float], bool]) -> None:
        self.hopeless = hopeless

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Report it; after the last epoch nothing is saved by ending."""
        assert isinstance(pl_module, LatentModel)
        data, done = trainer.datamodule, trainer.current_epoch + 1  # type: ignore[attr-defined]
        assert isinstance(data, DataModule)
        name, mode = pl_module.objective_metric(data.held_out is not None)
        if name not in trainer.callback_metrics or done == trainer.max_epochs:
            return
        value = float(trainer.callback_metrics[name])
        if self.hopeless(done, value if mode == "max" else -value):
            raise PrunedError(f"pruned after epoch {done}: {name} {value:.4g}")
