"""Stop training when the run's time is over."""

from time import perf_counter

import lightning as L

from latentclust.processes import from_first


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
        over = from_first(perf_counter() > self.at)  # by the clock of one process
        unfinished = trainer.max_epochs is not None and trainer.current_epoch + 1 < trainer.max_epochs
        if unfinished and over:
            trainer.should_stop = True
