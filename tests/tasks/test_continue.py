"""Runs that stop and go on: nothing is lost, and nothing differs."""

import re
from math import cos, pi
from pathlib import Path

import pytest
import torch

from latentclust.data.batches import Batch
from latentclust.models import AE, LatentModel, VaDE
from tests.conftest import Command, Outcome, first_of, same_weights

MODELS = ["ae", "vae", "vade", "guided", "conv"]
TINY = "experiment=tiny_vade"


def test_a_cached_pretraining_changes_nothing(latentclust: Command) -> None:
    fresh = latentclust("experiment=tiny_vade")
    cached = latentclust("experiment=tiny_vade")
    assert "pretrain" in fresh.summary["seconds"]
    assert "pretrain" not in cached.summary["seconds"]
    assert same_weights(fresh.weights(), cached.weights())
    assert [row["pool"] for row in fresh.summary["results"]] == [
        row["pool"] for row in cached.summary["results"]
    ]


@pytest.mark.long
def test_a_pretraining_of_longer_epochs_is_another_one(latentclust: Command) -> None:
    command = ["experiment=tiny_vade", "trainer.max_epochs=1"]
    latentclust(*command, "data.min_images_per_epoch=400")
    same = latentclust(*command, "data.min_images_per_epoch=null")
    longer = latentclust(*command, "data.min_images_per_epoch=401")
    assert "pretrain" not in same.summary["seconds"]
    assert "pretrain" in longer.summary["seconds"]


@pytest.mark.long
def test_cached_neighbors_change_nothing(latentclust: Command, tmp_path: Path) -> None:
    command = ["experiment=tiny_vade", "init=manifold", "init.n_epochs=5", "trainer.max_epochs=1"]
    fresh = latentclust(*command)
    cached = latentclust(*command)
    assert "neighbors come from" in (cached.folder / "latentclust.log").read_text()
    assert "neighbors come from" not in (fresh.folder / "latentclust.log").read_text()
    assert same_weights(fresh.weights(), cached.weights())
    assert len(list(tmp_path.glob("outputs/cache/neighbors-*.npz"))) == 1


@pytest.mark.parametrize("settings", first_of("guided init=semitied n_clusters=4", *MODELS))
def test_a_continued_run_ends_like_one_never_stopped(latentclust: Command, settings: str) -> None:
    # A schedule that does not depend on how many epochs are planned.
    command = [*f"experiment=tiny_{settings}".split(), "model.optimizer.schedule=constant"]
    whole = latentclust(*command)
    latentclust(*command, "trainer.max_epochs=1")
    continued = latentclust("ckpt_path=last", "trainer.max_epochs=3")
    assert continued.status == 0, continued.err
    assert same_weights(whole.weights(), continued.weights())
    timeless = {name for name in whole.summary["metrics"] if not name.startswith("perf/")}
    assert {name: continued.summary["metrics"][name] for name in timeless} == {
        name: whole.summary["metrics"][name] for name in timeless
    }


def test_a_continued_run_takes_a_new_learning_rate(latentclust: Command) -> None:
    latentclust("experiment=tiny_ae", "trainer.max_epochs=1", "model.optimizer.schedule=constant")
    continued = latentclust("ckpt_path=last", "trainer.max_epochs=2", "model.optimizer.learning_rate=1e-5")
    assert continued.summary["metrics"]["learning_rate/networks"] == 1e-5


def learning_rates(outcome: Outcome) -> list[float]:
    """The networks', at the start of every epoch."""
    assert outcome.folder is not None
    checkpoint = torch.load(outcome.folder / "checkpoints/last.ckpt", weights_only=True)
    return [value for _, value in checkpoint["callbacks"]["History"]["metrics"]["learning_rate/networks"]]


STEPS, TIMELY = 8, ["experiment=tiny_ae", "model.optimizer.learning_rate=1e-2"]


@pytest.mark.parametrize("schedule", first_of("one_cycle", "cosine"))
def test_epochs_that_are_added_take_a_tenth_of_the_learning_rate_down_to_0(
    latentclust: Command, monkeypatch: pytest.MonkeyPatch, schedule: str
) -> None:
    finished = latentclust(*TIMELY, f"model.optimizer.schedule={schedule}")
    longer = latentclust("ckpt_path=last", "trainer.max_epochs=5")
    assert longer.status == 0, longer.err
    added = [1e-3 * (1 + cos(pi * step / (2 * STEPS))) / 2 for step in (0, STEPS)]
    assert learning_rates(longer) == pytest.approx([*learning_rates(finished), *added])
    # Stopped in the added epochs, it ends like one that was not.
    with monkeypatch.context() as patch:
        interrupt(patch, AE, STEPS + 3)
        latentclust(f"ckpt_path={finished.folder}/checkpoints/last.ckpt", "trainer.max_epochs=5")
    assert same_weights(longer.weights(), latentclust("ckpt_path=last").weights())


@pytest.mark.long
def test_a_schedule_keeps_its_plan_when_a_run_is_stopped_sooner(latentclust: Command) -> None:
    command = [*TIMELY, "model.optimizer.schedule=one_cycle"]
    whole = latentclust(*command)
    latentclust(*command, "trainer.max_time=00:00:00:00")
    sooner = latentclust("ckpt_path=last", "trainer.max_time=null", "trainer.max_epochs=2")
    assert learning_rates(sooner) == learning_rates(whole)[:2]
    assert same_weights(whole.weights(), latentclust("ckpt_path=last", "trainer.max_epochs=3").weights())


@pytest.mark.long
def test_constant_and_step_go_on_as_if_more_epochs_had_been_planned(latentclust: Command) -> None:
    command = [*TIMELY, "model.optimizer.schedule=step", "model.optimizer.step_every=2"]
    whole = latentclust(*command, "trainer.max_epochs=5")
    latentclust(*command, "trainer.max_epochs=1")
    continued = latentclust("ckpt_path=last", "trainer.max_epochs=5")
    assert learning_rates(continued) == [0.01, 0.01, 0.0095, 0.0095, pytest.approx(0.009025)]
    assert same_weights(whole.weights(), continued.weights())


@pytest.mark.parametrize("every", [1, 2, 5])
def test_last_is_the_model_that_was_measured(latentclust: Command, every: int) -> None:
    fitted = latentclust("experiment=tiny_ae", f"callbacks.checkpoint.every_n_epochs={every}")
    assert fitted.folder is not None
    assert torch.load(fitted.folder / "checkpoints/last.ckpt", weights_only=True)["global_step"] == 3 * 8


def interrupt(monkeypatch: pytest.MonkeyPatch, model: type[LatentModel], at_step: int) -> None:
    """Press Ctrl-C in a training step, counted over the epochs; 8 steps make one."""
    step, calls = model.training_step, []

    def interrupted(self: LatentModel, batch: Batch, batch_idx: int) -> dict[str, torch.Tensor]:
        calls.append(1)
        if len(calls) == at_step:
            raise KeyboardInterrupt
        return step(self, batch, batch_idx)

    monkeypatch.setattr(model, "training_step", interrupted)


@pytest.mark.parametrize(("model", "at_step"), first_of((VaDE, 12), (VaDE, 4), (AE, 3), (AE, 14)))
def test_ctrl_c_loses_nothing(
    latentclust: Command, monkeypatch: pytest.MonkeyPatch, model: type[LatentModel], at_step: int
) -> None:
    command = [TINY, "model.pretrain.cache=false"]
    never_stopped = latentclust(*command).weights()
    with monkeypatch.context() as patch:
        interrupt(patch, model, at_step)
        stopped = latentclust(*command)
    assert stopped.status == 130
    assert "Traceback" not in stopped.err
    advice = re.search(r"continue with: python -m latentclust (ckpt_path=\S+)$", stopped.err)
    assert advice
    continued = latentclust(advice.group(1))
    assert continued.status == 0, continued.err
    assert same_weights(never_stopped, continued.weights())


@pytest.mark.long
def test_ctrl_c_stops_a_sweep(latentclust: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    interrupt(monkeypatch, AE, 4)
    outcome = latentclust("-m", "experiment=tiny_ae", "seed=0,1", "trainer.max_epochs=1")
    assert outcome.status == 130
    assert "the sweep is stopped; nothing is lost, finish it with: " in outcome.err
    assert not list(tmp_path.glob("outputs/multirun/*/*/1"))


def test_time_that_is_over(latentclust: Command, tmp_path: Path) -> None:
    cut = latentclust(TINY, "trainer.max_time=00:00:00:00")
    assert cut.status == 124
    assert "over before the pretraining; continue with" in cut.err
    assert not list(tmp_path.glob("outputs/cache/*.*"))
    whole = latentclust(TINY)
    short = latentclust(TINY, "trainer.max_time=00:00:00:00")  # the pretraining is in the cache now
    assert short.status == 0
    assert "after epoch 1 of 3" in short.summary["warnings"][0]
    continued = latentclust("ckpt_path=last", "trainer.max_time=null")
    assert same_weights(whole.weights(), continued.weights())


@pytest.mark.long
def test_the_pretraining_is_augmented_only_where_wanted(latentclust: Command) -> None:
    def weights(*overrides: str) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
        outcome = latentclust(TINY, "model.pretrain.cache=false", "trainer.max_epochs=1", *overrides)
        return outcome.weights("pretrain/checkpoints/last.ckpt"), outcome.weights()

    plain = weights("augment=none")
    later = weights("augment=affine", "model.pretrain.augment=false")
    both = weights("augment=affine", "model.pretrain.augment=true")
    assert same_weights(plain[0], later[0])
    assert not same_weights(plain[1], later[1])
    assert not same_weights(plain[0], both[0])
