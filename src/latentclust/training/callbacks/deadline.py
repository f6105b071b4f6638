"""Stop training when the run's time is over."""

from time import perf_counter

import lightning as L


class Deadline(L.Callback):
    """Stops at the end of the epoch in which the time ran out.

    Parameters
    ----------
    at
        When, on the clock of ``time.perf_counter``: one deadline for all stages of a run.
    """

    def __init__(self, at: float) -> None:
        self.at = at

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Look at the clock."""
        unfinished = trainer.max_epochs is not None and trainer.current_epoch + 1 < trainer.max_epochs
        if unfinished and perf_counter() > self.at:
            trainer.should_stop = True
