from math import cos, pi

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from latentclust.errors import LatentclustError
from latentclust.modules.schedules import SCHEDULES, kl_weight, lr_factor

TOTAL, PER_EPOCH = 1200, 40


def factor(schedule: str, step: int, *extensions: int) -> float:
    return lr_factor(schedule, step, [TOTAL, *extensions], steps_per_epoch=PER_EPOCH, every=10, factor=0.95)


@pytest.mark.parametrize(
    ("schedule", "step", "expected"),
    [
        ("constant", 777, 1.0),
        ("step", 0, 1.0),
        ("step", 399, 1.0),
        ("step", 400, 0.95),
        ("step", 800, 0.95**2),
        ("cosine", 0, 1.0),
        ("cosine", 600, 0.5),
        ("cosine", 1200, 0.0),
        ("cosine", 5000, 0.0),
        ("one_cycle", 0, 0.04),
        ("one_cycle", 360, 1.0),
        ("one_cycle", 780, 0.5),
        ("one_cycle", 1200, 0.0),
    ],
)
def test_values_by_hand(schedule: str, step: int, expected: float) -> None:
    assert factor(schedule, step) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("schedule", ["cosine", "one_cycle"])
def test_added_steps_fall_from_a_tenth_of_the_peak_to_0(schedule: str) -> None:
    ends = (TOTAL + 300, TOTAL + 400)
    for step in range(TOTAL):
        assert factor(schedule, step, *ends) == factor(schedule, step)
    for share in (0, 0.25, 0.5, 0.9):
        expected = 0.1 * (1 + cos(pi * share)) / 2
        assert factor(schedule, TOTAL + round(300 * share), *ends) == pytest.approx(expected)
        assert factor(schedule, ends[0] + round(100 * share), *ends) == pytest.approx(expected)
    assert factor(schedule, ends[1], *ends) == factor(schedule, ends[1] + 99, *ends) == 0


@pytest.mark.parametrize("schedule", ["constant", "step"])
def test_schedules_without_an_end_go_on(schedule: str) -> None:
    for step in range(0, 2 * TOTAL, 7):
        longer = lr_factor(schedule, step, [2 * TOTAL], steps_per_epoch=PER_EPOCH, every=10, factor=0.95)
        assert factor(schedule, step, 2 * TOTAL) == longer


def reference(schedule: str) -> list[float]:
    """The factors of torch's own scheduler of that kind."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedulers = {
        "step": lambda: torch.optim.lr_scheduler.StepLR(optimizer, 10 * PER_EPOCH, 0.95),
        "cosine": lambda: torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, TOTAL),
        "one_cycle": lambda: torch.optim.lr_scheduler.OneCycleLR(
            # torch counts to the last step, not past it, and does not end at 0.
            optimizer,
            1.0,
            total_steps=TOTAL + 1,
            div_factor=25,
            final_div_factor=1e9,
            cycle_momentum=False,
            pct_start=361 / 1201,
        ),
    }
    scheduler = schedulers[schedule]()
    factors = []
    for _ in range(TOTAL):
        factors.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return factors


@pytest.mark.parametrize("schedule", ["step", "cosine", "one_cycle"])
def test_the_curves_are_those_of_torch(schedule: str) -> None:
    ours = [factor(schedule, step) for step in range(TOTAL)]
    assert ours == pytest.approx(reference(schedule), abs=1e-6)


@given(st.sampled_from(SCHEDULES), st.integers(0, 10_000))
def test_a_factor_lies_between_0_and_1(schedule: str, step: int) -> None:
    assert 0 <= factor(schedule, step) <= 1


def test_an_unknown_schedule_is_named() -> None:
    with pytest.raises(LatentclustError, match=r"'warm'.*one_cycle"):
        factor("warm", 0)


@pytest.mark.parametrize(
    ("epoch", "start", "end", "fall", "expected"),
    [
        (0, 1.0, 0, 0, 1.0),
        (0, 5.0, 0, 0, 1.0),
        (3.99, 5.0, 4, 0, 5.0),
        (4, 5.0, 4, 0, 1.0),
        (0, 9.0, 2, 2, 9.0),
        (1, 9.0, 2, 2, 3.0),
        (3.9, 9.0, 6, 2, 9.0),
        (5, 9.0, 6, 2, 3.0),
        (6, 9.0, 6, 2, 1.0),
        (100, 9.0, 6, 2, 1.0),
        (1, 0.01, 2, 2, 0.1),
        (0, 9.0, 1, 2, 3.0),
    ],
)
def test_the_kl_weight(epoch: float, start: float, end: int, fall: int, expected: float) -> None:
    assert kl_weight(epoch, start, end, fall) == pytest.approx(expected)
