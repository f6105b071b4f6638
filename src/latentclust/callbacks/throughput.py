"""How fast training goes."""

from time import perf_counter

import lightning as L


class Throughput(L.Callback):
    """Logs ``perf/samples_per_second``: the images of an epoch over its training time, measuring excluded.

    An image that the epoch goes over several times counts as often.
    """

    def __init__(self) -> None:
        self.start = 0.0

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Start the clock."""
        self.start = perf_counter()

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Stop the clock; ``ObjectiveTerms``, which comes before, has waited for the device."""
        data = trainer.datamodule  # type: ignore[attr-defined]
        n_images = data.passes * len(data.pool)
        pl_module.log("perf/samples_per_second", n_images / (perf_counter() - self.start))
