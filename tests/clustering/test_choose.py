"""The number of clusters against sets whose number is known, and modes against functions with known peaks."""

import numpy as np
import pytest

from latentclust.clustering.choose import VALLEY, by_modes, require_range, space_of
from latentclust.clustering.modes import mode_prominences, prominences
from latentclust.data.points import make_points
from latentclust.errors import LatentclustError


def line(values: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """Values along a path graph: each has the ones beside it as neighbors."""
    n = len(values)
    sides = np.array([[max(i - 1, 0), min(i + 1, n - 1)] for i in range(n)])
    return np.array(values), sides


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 1, 2, 3], [3]),  # one slope: its range
        ([0, 5, 1, 3, 0], [5, 2]),  # a second peak of 3 above a valley of 1
        ([0, 5, 1, 3, 2, 4, 0], [5, 3, 1]),  # 4 meets 5 at 1; 3 meets 4 at 2
        ([2, 2, 2], [0]),
    ],
)
def test_a_peak_stands_above_the_valley_to_a_higher_one(values: list[float], expected: list[float]) -> None:
    assert prominences(*line(values)) == pytest.approx(expected)


def test_parts_without_a_way_between_them_are_peaks_of_the_whole_range() -> None:
    values = np.array([1.0, 4.0, 0.0, 2.0])
    assert prominences(values, np.array([[1], [0], [3], [2]])) == pytest.approx([4, 4])


def test_the_density_is_that_of_the_neighbors_distances() -> None:
    # Two lines of equal points: 1 apart in one, 0.5 in the other; the sparse one is 0.5^-1 times as sparse.
    points = np.concatenate([np.arange(50.0), 1000 + 0.5 * np.arange(50.0)])[:, None]
    found = mode_prominences(points, 2)
    ends = np.sqrt((1**2 + 2**2) / 2)  # of the sparse line: its neighbors are 1 and 2 away
    assert len(found) >= 2
    assert found[:2] == pytest.approx([np.log(ends / 0.5)] * 2)


def test_equal_points_are_one_mode() -> None:
    assert by_modes(np.ones((40, 2)), 1, 10).n_clusters == 1


@pytest.mark.parametrize("unit", [1e-9, 0.3, 12.0, 1e6])
def test_units_make_no_difference_to_modes(unit: float) -> None:
    rng = np.random.default_rng(0)
    whole = np.round(rng.normal(0, 3, (500, 2)))
    for points in (rng.normal(size=(500, 2)), whole, np.repeat(whole[:40], 20, axis=0)):
        assert mode_prominences(unit * points, 15) == pytest.approx(mode_prominences(points, 15), abs=1e-4)


def test_a_column_of_whole_numbers_has_the_peaks_and_valleys_of_its_counts() -> None:
    counts = np.repeat([600, 60, 400], 5)
    found = mode_prominences(np.repeat(np.arange(15.0), counts)[:, None], 15)
    assert len(found) == 2
    assert found[1] == pytest.approx(np.log(400 / 60), abs=0.03)


def test_equal_points_are_neighbors_of_their_own_at_no_distance() -> None:
    # Of two 1 apart with a and b copies, each has a + b - 1 neighbors, of which the other's are 1 away.
    a, b = 30, 50
    found = mode_prominences(np.repeat([0.0, 1.0], [a, b])[:, None], 15)
    assert found == pytest.approx([np.log(np.sqrt(b / a))])


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(
    ("n", "dims", "sd"), [(3000, 1, 12.0), (8000, 2, 3.0), (8000, 3, 1.0), (10_000, 1, 3.0)]
)
def test_one_gaussian_of_whole_numbers_is_one_mode(n: int, dims: int, sd: float, seed: int) -> None:
    points = np.round(np.random.default_rng(seed).normal(40, sd, (n, dims)))
    assert by_modes(points, 1, 30).n_clusters == 1
    scaled = ((points - points.mean(axis=0)) / points.std(axis=0)).astype(np.float32)
    assert by_modes(scaled, 1, 30).n_clusters == 1
    assert by_modes(points * [1, 1.6, 1.3][:dims], 1, 30).n_clusters == 1


@pytest.mark.parametrize(("name", "k"), [("blobs", 5), ("moons", 2)])
def test_whole_numbers_have_the_modes_that_they_were_rounded_from(name: str, k: int) -> None:
    points = make_points(name, 5000, noise=0.1, n_groups=k, seed=0).points
    whole = np.round(10 * points)
    assert len(np.unique(whole, axis=0)) < 1000
    assert by_modes(points, 1, 30).n_clusters == by_modes(whole, 1, 30).n_clusters == k


def test_a_value_far_from_all_others_that_many_inputs_have_is_a_mode() -> None:
    values = np.concatenate([np.zeros(1000), np.random.default_rng(0).normal(50, 5, 2000)])
    assert by_modes(values[:, None], 1, 30).n_clusters == 2


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("name", "k", "options"),
    [
        ("moons", 2, {"noise": 0.06}),
        ("blobs", 3, {"noise": 0.15, "n_groups": 3}),
        ("blobs", 5, {"noise": 0.15, "n_groups": 5}),
        ("blobs", 8, {"noise": 0.15, "n_groups": 8}),
    ],
)
def test_the_modes_of_drawn_groups_are_their_number(
    name: str, k: int, options: dict[str, float], seed: int
) -> None:
    choice = by_modes(make_points(name, 1000, seed=seed, **options).points, 2, 30)  # type: ignore[arg-type]
    assert choice.n_clusters == k
    assert choice.threshold is not None
    assert choice.curve[k] > choice.threshold > choice.curve[k + 1]
    assert choice.threshold == pytest.approx(np.log(VALLEY))
    assert set(choice.curve) == set(range(2, 31))


@pytest.mark.parametrize("dims", [2, 5, 10])
def test_one_gaussian_is_one_mode(dims: int) -> None:
    choice = by_modes(np.random.default_rng(0).normal(size=(1000, dims)), 2, 30)
    assert choice.reason.startswith("1 mode ")
    assert choice.n_clusters == 2  # the lowest that the range allows
    assert "n_clusters_range allows 2 to 30" in choice.reason


@pytest.mark.long
def test_few_dimensions_are_taken_as_they_are_and_many_are_laid_out() -> None:
    points = np.random.default_rng(0).normal(size=(60, 12))
    plain = space_of(points[:, :10], 0)
    assert np.array_equal(plain.points, points[:, :10])
    laid_out = space_of(points, 0)
    assert laid_out.points.shape == (60, 2)
    assert laid_out.n_neighbors > plain.n_neighbors
    assert np.array_equal(laid_out.points, space_of(points, 0).points)


def test_a_range_is_cut_to_the_inputs() -> None:
    assert require_range(12, 2, 30) == (2, 12)
    with pytest.raises(LatentclustError, match="only 4 inputs"):
        require_range(4, 5, 30)
