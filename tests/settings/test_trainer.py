"""Every argument of Lightning's Trainer is a setting that reaches it, or refused with the reason."""

import inspect
import json
from itertools import pairwise
from typing import Any

import lightning as L
import pytest
import torch

from latentclust.data.batches import Batch
from latentclust.models import VaDE
from latentclust.settings.trainer import REFUSED, Trainer
from latentclust.training.trainers import DECISIVE, HARMLESS
from tests.conftest import Command, same_weights

ARGUMENTS = set(inspect.signature(L.Trainer.__init__).parameters) - {"self"}
# How training steps are launched; no argument of Lightning's.
OURS = {"cuda_graphs"}
GUIDED = "experiment=tiny_guided"


def test_each_argument_is_a_setting_or_refused() -> None:
    settings = set(Trainer.model_fields) - OURS
    assert settings <= ARGUMENTS
    assert not settings & set(REFUSED)
    assert settings | set(REFUSED) == ARGUMENTS
    assert all(reason and "\n" not in reason for reason in REFUSED.values())


def test_a_setting_reaches_lightning(latentclust: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a value that is not Lightning's default."""
    given = {
        "deterministic": "warn",
        "benchmark": False,
        "gradient_clip_val": 3.5,
        "gradient_clip_algorithm": "value",
        "accumulate_grad_batches": 3,
        "limit_train_batches": 5,
        "limit_val_batches": 2,
        "check_val_every_n_epoch": 4,
        "detect_anomaly": True,
        "inference_mode": False,
        "overfit_batches": 0.5,
        "fast_dev_run": 7,
    }
    assert {*DECISIVE, *HARMLESS} == set(given) - {"limit_val_batches"}
    seen: dict[str, Any] = {}

    class Stop(Exception):  # noqa: N818
        pass

    def stop(self: L.Trainer, **arguments: Any) -> None:
        seen.update(arguments)
        raise Stop

    monkeypatch.setattr(L.Trainer, "__init__", stop)
    for names in (set(given) - {"overfit_batches"}, {"overfit_batches"}):
        with pytest.raises(Stop):
            latentclust(GUIDED, *(f"trainer.{name}={json.dumps(given[name])}" for name in names))
        assert {name: seen[name] for name in names} == {name: given[name] for name in names}


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, torch.Tensor]]:
    """VaDE's training batches as they come: the epoch, and the images."""
    seen: list[tuple[int, torch.Tensor]] = []
    step = VaDE.training_step

    def remember(self: VaDE, batch: Batch, batch_idx: int) -> Any:
        seen.append((self.current_epoch, batch.x.clone()))
        return step(self, batch, batch_idx)

    monkeypatch.setattr(VaDE, "training_step", remember)
    return seen


def test_a_fast_dev_run_tries_everything_once(
    latentclust: Command, batches: list[tuple[int, torch.Tensor]]
) -> None:
    outcome = latentclust(
        GUIDED,
        "trainer.fast_dev_run=true",
        "data.limit=null",
        "figures.at_end=true",
        "figures.embedding.method=none",
        "figures.plane.n=2",
    )
    assert outcome.status == 0, outcome.err
    assert len(batches) == 1
    assert outcome.folder is not None
    assert not list(outcome.folder.rglob("*.ckpt"))
    assert (outcome.folder / "report.html").is_file()
    assert "1,000 images" in outcome.out


@pytest.mark.parametrize(("argument", "per_epoch"), [("limit_train_batches=3", 3), ("overfit_batches=2", 2)])
def test_an_epoch_of_few_batches(
    latentclust: Command, batches: list[tuple[int, torch.Tensor]], argument: str, per_epoch: int
) -> None:
    outcome = latentclust(GUIDED, "augment=none", f"trainer.{argument}")
    assert outcome.status == 0, outcome.err
    assert [epoch for epoch, _ in batches] == [epoch for epoch in range(3) for _ in range(per_epoch)]
    first = [batch for _, batch in batches[::per_epoch]]
    same = all(torch.equal(a, b) for a, b in pairwise(first))
    assert same == argument.startswith("overfit")


def test_held_out_images_are_validated_on_in_few_batches(latentclust: Command) -> None:
    metrics = latentclust("experiment=tiny_vae", "trainer.limit_val_batches=1").summary["metrics"]
    whole = latentclust("experiment=tiny_vae").summary["metrics"]
    assert metrics["train/elbo"] == whole["train/elbo"]
    assert metrics["test/elbo"] != whole["test/elbo"]


@pytest.mark.long
def test_profiler_anomalies_and_the_models_summary(latentclust: Command) -> None:
    plain = latentclust("experiment=tiny_ae").weights()
    outcome = latentclust(
        "experiment=tiny_ae",
        "trainer.profiler=simple",
        "trainer.detect_anomaly=true",
        "trainer.enable_model_summary=true",
    )
    assert outcome.status == 0, outcome.err
    assert outcome.folder is not None
    assert "training_step" in (outcome.folder / "fit-profile.txt").read_text()
    assert "encoder" in outcome.out
    assert same_weights(plain, outcome.weights())


def test_the_schedule_counts_steps_of_the_optimizer(latentclust: Command) -> None:
    """8 batches an epoch, 3 for a step: an epoch has 3 steps."""
    outcome = latentclust(
        "experiment=tiny_ae",
        "trainer.accumulate_grad_batches=3",
        "model.optimizer.schedule=step",
        "model.optimizer.step_every=1",
        "model.optimizer.step_factor=0.5",
        "model.optimizer.learning_rate=0.008",
    )
    assert outcome.folder is not None
    checkpoint = torch.load(outcome.folder / "checkpoints/last.ckpt", weights_only=True)
    assert checkpoint["global_step"] == 9
    history = next(state for name, state in checkpoint["callbacks"].items() if name.startswith("History"))
    rates = [value for _, value in history["metrics"]["learning_rate/networks"]]
    assert rates == pytest.approx([0.008, 0.004, 0.002])


@pytest.mark.long
def test_another_limit_is_another_pretraining(latentclust: Command) -> None:
    """The cache must not give a full run what three batches have learned."""
    command = [GUIDED, "model.pretrain.max_epochs=1", "trainer.max_epochs=1", "model.refit_at=[]"]
    short = latentclust(*command, "trainer.limit_train_batches=3")
    whole = latentclust(*command)
    assert "pretrain" in whole.summary["seconds"]
    assert short.summary["seconds"].keys() == whole.summary["seconds"].keys()
