"""The criteria of the number of clusters that a benchmark compares, on groups whose number is known."""

import sys
from collections.abc import Callable

import pytest

from latentclust.clustering.choose import Choice
from latentclust.data.points import make_points
from tests.conftest import REPOSITORY

sys.path.insert(0, str(REPOSITORY / "benchmarks"))
from criteria import CRITERIA, by_bic, by_merging, by_stability

sys.path.pop(0)


@pytest.mark.parametrize("choose", [by_bic, by_stability])
def test_the_other_criteria_find_round_groups(choose: Callable[..., Choice]) -> None:
    points = make_points("blobs", 400, noise=0.1, n_groups=4, seed=1).points
    assert choose(points, 2, 8).n_clusters == 4


def test_merged_gaussians_tell_moons_apart() -> None:
    choice = by_merging(make_points("moons", 600, noise=0.05, seed=0).points, 2, 8, n_components=20)
    assert choice.n_clusters == 2
    assert choice.curve[2] == pytest.approx(1, abs=0.02)  # two equal clusters that do not overlap


@pytest.mark.parametrize("name", CRITERIA)
def test_a_criterion_has_a_value_for_each_k_and_repeats_itself(name: str) -> None:
    points = make_points("blobs", 200, noise=0.2, n_groups=3, seed=0).points
    first, second = (CRITERIA[name](points, 2, 6, 3) for _ in range(2))
    assert first == second
    assert list(first.curve) == [2, 3, 4, 5, 6]
    assert first.measured
