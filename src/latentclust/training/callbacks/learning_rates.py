"""The learning rates as curves."""

import lightning as L


class LearningRates(L.Callback):
    """Logs ``learning_rate/<group>`` of each group of parameters, as each epoch starts with it."""

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Log them with the other values of the epoch."""
        for group in trainer.optimizers[0].param_groups:
            pl_module.log(
                f"learning_rate/{group['name']}",
                group["lr"],
                on_step=False,
                on_epoch=True,
                sync_dist=True,  # they are the same in all processes, and the first one alone has loggers
                rank_zero_only=True,
            )
