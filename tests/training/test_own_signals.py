"""What a signal does stays as it was, from before a training to after it."""

import signal
from pathlib import Path
from typing import Any

import lightning as L

from latentclust.data import DigitsDataModule
from latentclust.models import AE
from latentclust.signals import heeded, stopping_signals
from latentclust.training.callbacks.own_signals import OwnSignals


class Watch(L.Callback):
    """Keeps what signals do at each hook."""

    def __init__(self) -> None:
        self.seen: dict[str, list[Any]] = {}

    def keep(self, hook: str) -> None:
        self.seen[hook] = [signal.getsignal(number) for number in stopping_signals()]

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.keep("fit start")

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.keep("train start")

    def on_train_batch_start(self, *args: Any) -> None:
        self.keep("batch start")


class WatchedDigits(DigitsDataModule):
    """Looks while the loaders are made, before a training starts and after Lightning has set itself up."""

    watch: Watch

    def train_dataloader(self) -> Any:
        self.watch.keep("loader")
        return super().train_dataloader()


def test_lightning_never_puts_in_its_own_handlers(tmp_path: Path) -> None:
    data = WatchedDigits(limit=200, batch_size=60)
    data.watch = watch = Watch()
    data.setup()
    with heeded():
        before = [signal.getsignal(number) for number in stopping_signals()]
        trainer = L.Trainer(
            accelerator="cpu",
            max_epochs=1,
            callbacks=[watch, OwnSignals()],
            logger=False,
            limit_val_batches=0,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            default_root_dir=tmp_path,
        )
        trainer.fit(AE([1, 8, 8], [24], 3), datamodule=data)
        watch.keep("after")
    assert watch.seen == dict.fromkeys(("fit start", "loader", "train start", "batch start", "after"), before)
