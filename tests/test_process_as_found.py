"""A fit from Python leaves the process's random numbers and switches as they were."""

import os
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from latentclust import engine
from latentclust.data.points import make_points
from latentclust.errors import LatentclustError
from latentclust.evaluation.findings import Inputs
from latentclust.settings import settings_for
from tests.test_estimator import X, quick


@pytest.fixture(autouse=True)
def own_state(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A state that no fit would leave behind."""
    monkeypatch.setenv("PL_GLOBAL_SEED", "77")
    monkeypatch.delenv("PL_SEED_WORKERS", raising=False)
    torch.use_deterministic_algorithms(False)
    random.seed(5)
    np.random.seed(6)  # noqa: NPY002
    torch.manual_seed(7)
    yield
    torch.use_deterministic_algorithms(False)


def drawn() -> list[float]:
    return [random.random(), float(np.random.rand()), float(torch.rand(()))]  # noqa: NPY002


def expected() -> list[float]:
    """The first numbers from the seeds of `own_state`, by generators of their own."""
    generator = torch.Generator().manual_seed(7)
    return [
        random.Random(5).random(),
        float(np.random.RandomState(6).rand()),
        float(torch.rand((), generator=generator)),
    ]


def switches() -> tuple[Any, ...]:
    variables = os.environ.get("PL_GLOBAL_SEED"), os.environ.get("PL_SEED_WORKERS")
    return torch.are_deterministic_algorithms_enabled(), *variables


def test_a_fit_leaves_the_process_as_it_was() -> None:
    quick().fit(X)
    assert drawn() == expected()
    assert switches() == (False, "77", None)


def test_a_fit_that_fails_does_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        drawn()
        torch.use_deterministic_algorithms(True)
        raise LatentclustError("it fails after all is seeded")

    monkeypatch.setattr("latentclust.engine.fitting.train", fail)
    with pytest.raises(ValueError, match="it fails"):
        quick().fit(X)
    assert drawn() == expected()
    assert switches() == (False, "77", None)


def test_a_partition_leaves_it_as_it_was() -> None:
    points, labels = make_points("moons", 60, dims=2, noise=0.06, seed=0)
    engine.partition(Inputs(points, labels), settings_for("kmeans", "moons", figures={"at_end": False}))
    assert drawn() == expected()
    assert switches() == (False, "77", None)


def test_a_switch_that_was_on_stays_on() -> None:
    torch.use_deterministic_algorithms(True, warn_only=True)
    quick().fit(X)
    assert torch.is_deterministic_algorithms_warn_only_enabled()


def test_without_a_seed_each_fit_has_another(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds = []

    def keep(data: object, settings: Any, run: object) -> Any:
        seeds.append(settings.seed)
        return fit(data, settings, run)

    fit: Any = engine.fit
    monkeypatch.setattr("latentclust.engine.fit", keep)
    for _ in range(3):
        quick().fit(X)
        quick(random_state=None).fit(X)
    assert seeds[::2] == [0, 0, 0]
    assert len(set(seeds[1::2])) == 3
