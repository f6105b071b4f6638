"""The learning rate at each step of a training, against the schedule's own words."""

from math import cos, pi
from pathlib import Path
from typing import Any

import lightning as L
import pytest

from latentclust.models import AE, VaDE
from tests.training.test_callbacks import train

STEPS = 4  # of an epoch of the callbacks' digits


class Rates(L.Callback):
    """Keeps each group's learning rate before each step."""

    def __init__(self) -> None:
        self.seen: list[dict[str, float]] = []

    def on_train_batch_start(self, trainer: L.Trainer, *args: Any) -> None:
        groups = trainer.optimizers[0].param_groups
        self.seen.append({group["name"]: group["lr"] for group in groups})


@pytest.mark.parametrize(("every", "factor"), [(1, 0.5), (2, 0.9)])
def test_steps_come_after_whole_epochs(tmp_path: Path, every: int, factor: float) -> None:
    rates = Rates()
    model = AE([1, 8, 8], [8], 2, learning_rate=1e-3, schedule="step", step_every=every, step_factor=factor)
    train(model, [rates], tmp_path, epochs=4)
    expected = [1e-3 * factor ** (epoch // every) for epoch in range(4) for _ in range(STEPS)]
    assert [rate["networks"] for rate in rates.seen] == pytest.approx(expected)


def test_half_a_cosine_ends_with_the_training(tmp_path: Path) -> None:
    rates = Rates()
    train(AE([1, 8, 8], [8], 2, learning_rate=1e-3, schedule="cosine"), [rates], tmp_path, epochs=3)
    total = 3 * STEPS
    expected = [1e-3 * (1 + cos(pi * step / total)) / 2 for step in range(total)]
    assert [rate["networks"] for rate in rates.seen] == pytest.approx(expected)


def test_the_mixture_follows_the_schedule_from_a_rate_of_its_own(tmp_path: Path) -> None:
    rates = Rates()
    model = VaDE(
        [1, 8, 8],
        [8],
        2,
        10,
        learning_rate=1e-3,
        prior_learning_rate=3e-4,
        schedule="step",
        step_every=1,
        step_factor=0.5,
    )
    train(model, [rates], tmp_path, epochs=2)
    for step, rate in enumerate(rates.seen):
        assert rate == pytest.approx(
            {"networks": 1e-3 * 0.5 ** (step // STEPS), "mixture": 3e-4 * 0.5 ** (step // STEPS)}
        )
