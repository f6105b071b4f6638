"""Train a model in one stage of a run, from its start or from a checkpoint."""

from pathlib import Path

import lightning as L
from lightning.pytorch.callbacks import Callback

from latentclust.data import DataModule
from latentclust.errors import LatentclustError
from latentclust.models import LatentModel
from latentclust.runs.checkpoints import check_fit, epochs_done, read_checkpoint
from latentclust.runs.run import tell


class Restored(Callback):
    """Notes that Lightning has put a checkpoint's whole state where it belongs.

    Attributes
    ----------
    done
        Whether it has.
    """

    def __init__(self) -> None:
        self.done = False

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Note it: this hook is the first after the loops and optimizers are restored."""
        self.done = True


def train_from(checkpoint: Path | None, trainer: L.Trainer, model: LatentModel, data: DataModule) -> None:
    """Train the model for as many epochs as the trainer has, those of the checkpoint included.

    With no epoch left nothing is trained: the model becomes what the checkpoint holds, to be measured.

    Raises
    ------
    LatentclustError
        If the checkpoint holds another model, or a state that cannot be continued.
    """
    if checkpoint is None:
        trainer.fit(model, datamodule=data)
        return
    check_fit(checkpoint, model, trainer.max_epochs)
    done = epochs_done(checkpoint, read_checkpoint(checkpoint))
    if done == trainer.max_epochs:
        tell(f"All {done} epochs are behind '{checkpoint}': nothing is left to train; give more for more")
    restored = Restored()
    trainer.callbacks.insert(0, restored)  # type: ignore[attr-defined]
    try:
        trainer.fit(model, datamodule=data, ckpt_path=checkpoint, weights_only=True)
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        if restored.done or done == trainer.max_epochs:
            raise
        raise LatentclustError(
            f"ckpt_path: '{checkpoint}' holds a state that cannot be continued; choose another one"
        ) from error
