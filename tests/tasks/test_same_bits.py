"""The same seed gives the same bits, in either precision."""

import pytest
import torch

from latentclust.data.batches import Batch
from latentclust.models import AE
from tests.conftest import Command, first_of, same_weights


@pytest.mark.parametrize("model", first_of("vade", "ae", "vae", "guided", "conv"))
def test_the_same_seed_gives_the_same_bits(trained: Command, latentclust: Command, model: str) -> None:
    two_stages = model in {"vade", "guided", "conv"}
    command = [f"experiment=tiny_{model}", *(["model.pretrain.cache=false"] if two_stages else [])]
    first = trained(*command).weights()
    assert same_weights(first, latentclust(*command).weights())
    assert not same_weights(first, latentclust(*command, "seed=1").weights())


@pytest.mark.parametrize("wanted", [False, True])
def test_the_algorithms_are_deterministic_where_that_is_asked_for(
    latentclust: Command, monkeypatch: pytest.MonkeyPatch, wanted: bool
) -> None:
    seen: set[bool] = set()
    step = AE.training_step

    def watched(self: AE, batch: Batch, batch_idx: int) -> dict[str, torch.Tensor]:
        seen.add(torch.are_deterministic_algorithms_enabled())
        return step(self, batch, batch_idx)

    monkeypatch.setattr(AE, "training_step", watched)
    try:
        outcome = latentclust(
            "experiment=tiny_ae", "trainer.max_epochs=1", f"trainer.deterministic={str(wanted).lower()}"
        )
    finally:
        torch.use_deterministic_algorithms(False)  # Lightning leaves it on
    assert outcome.status == 0, outcome.err
    assert seen == {wanted}


@pytest.mark.parametrize("precision", first_of("bf16-mixed", "32-true"))
def test_gradients_are_clipped_in_either_precision(latentclust: Command, precision: str) -> None:
    def after_one_step(learning_rate: str, *overrides: str) -> dict[str, torch.Tensor]:
        outcome = latentclust(
            "experiment=tiny_ae",
            "trainer.max_epochs=1",
            "data.batch_size=400",
            "model.optimizer.schedule=constant",
            f"model.optimizer.learning_rate={learning_rate}",
            f"trainer.precision={precision}",
            *overrides,
        )
        assert outcome.status == 0, outcome.err
        return outcome.weights()

    def farthest(weights: dict[str, torch.Tensor]) -> float:
        # The mixture and the bounds are those of the codes when the training is over.
        measured = ("code_mixture.", "pool_bounds.")
        trained = [name for name in weights if not name.startswith(measured)]
        return max((weights[name] - start[name]).abs().max().item() for name in trained)

    start = after_one_step("1e-30")
    # Adam's first step is the learning rate, unless the gradients are far below its epsilon of 1e-8.
    assert farthest(after_one_step("1e-3")) == pytest.approx(1e-3, rel=0.01)
    assert farthest(after_one_step("1e-3", "trainer.gradient_clip_val=1e-12")) < 1e-6


def test_both_precisions_train_and_differ(latentclust: Command) -> None:
    metrics = []
    for precision in ("32-true", "bf16-mixed"):
        outcome = latentclust(
            "experiment=tiny_vade", "trainer.max_epochs=1", f"trainer.precision={precision}"
        )
        assert outcome.status == 0, outcome.err
        assert all(value.dtype != torch.bfloat16 for value in outcome.weights().values())
        metrics.append(outcome.summary["metrics"]["train/reconstruction"])
    single, half = metrics
    assert half != single
    assert half == pytest.approx(single, rel=0.02)
