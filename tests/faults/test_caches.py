"""What is kept for later runs depends on everything that decides on its bits."""

import sys
from pathlib import Path
from types import FrameType
from typing import Any

import lightning as L
import pytest
import torch

from latentclust.runs import pretrained as pretrain
from tests.conftest import Command

TINY = ["experiment=tiny_vade", "trainer.max_epochs=1", "init=manifold", "init.n_epochs=5"]

# What runs during a pretraining without a say in the weights: it writes, watches, or is in the key otherwise.
WATCHERS = {
    "latentclust.atomic",
    "latentclust.signals",
    "latentclust.hardware",
    "latentclust.terminal",
    "latentclust.training.callbacks.progress",
    "latentclust.training.checkpoint_io",
    "latentclust.training.callbacks.checkpoints",
    "latentclust.training.callbacks.objective_terms",
    "latentclust.training.callbacks.learning_rates",
    "latentclust.training.loggers",
    "latentclust.processes",  # how many there are is in the key
    "latentclust.training.callbacks.throughput",
    "latentclust.data.splits",  # its images are in the key
    "latentclust.runs.resume",
}


@pytest.mark.faults
def test_another_number_of_threads_is_another_result(latentclust: Command, tmp_path: Path) -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        first = latentclust(*TINY)
        torch.set_num_threads(2)
        second = latentclust(*TINY)
    finally:
        torch.set_num_threads(before)
    assert "pretrain" in first.summary["seconds"]
    assert "pretrain" in second.summary["seconds"]
    assert len(list((tmp_path / "outputs/cache").glob("neighbors-*"))) == 2


def test_the_key_has_all_code_that_decides_on_the_weights(
    latentclust: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every module of ours that runs in a pretraining is digested, or known to have no say."""
    seen: set[str] = set()
    fit = L.Trainer.fit

    def profile(frame: FrameType, event: str, argument: Any) -> None:
        name = frame.f_globals.get("__name__", "")
        if event == "call" and name.startswith("latentclust."):
            seen.add(name)

    def watched(self: L.Trainer, model: L.LightningModule, **options: Any) -> None:
        if type(model).__name__ != "AE":
            return fit(self, model, **options)
        sys.setprofile(profile)
        try:
            return fit(self, model, **options)
        finally:
            sys.setprofile(None)

    monkeypatch.setattr(L.Trainer, "fit", watched)
    run = latentclust("experiment=tiny_guided", "trainer.max_epochs=1", "model.pretrain.augment=true")
    assert run.status == 0, run.err
    digested = {module.__name__ for module in pretrain.CODE}
    assert seen >= {"latentclust.data.augment", "latentclust.data.datamodule", "latentclust.data.batches"}
    assert seen - WATCHERS <= digested
