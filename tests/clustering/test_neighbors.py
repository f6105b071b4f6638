"""Nearest neighbors against all distances."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.datasets import load_digits

from latentclust.clustering.neighbors import Neighbors, nearest


def by_hand(points: np.ndarray, n: int) -> Neighbors:
    distances = cdist(points, points)
    order = np.argsort(distances, axis=1, kind="stable")[:, :n]
    return Neighbors(order, np.take_along_axis(distances, order, axis=1).astype(np.float32))


@pytest.mark.parametrize("dims", [2, 15, 16, 32, 80])  # by a tree, by all distances, by chosen candidates
def test_neighbors_are_those_of_all_distances(dims: int) -> None:
    random = np.random.default_rng(dims)
    # Beyond 32 dimensions there is little but the first 20.
    points = random.normal(size=(700, dims)) * np.where(np.arange(dims) < 20, 1, 0.01)
    found, true = nearest(points, 9), by_hand(points, 9)
    assert (found.indices == true.indices).mean() > 0.999  # rounding may swap two that are as far
    np.testing.assert_allclose(found.distances[:, 1:], true.distances[:, 1:], rtol=1e-3)
    assert (found.indices[:, 0] == np.arange(700)).all()
    assert found.distances.dtype == np.float32


def test_candidates_miss_hardly_any_neighbor_of_images() -> None:
    points = load_digits().data  # 64 pixels, of which 32 components hold 97 % of the variance
    found, true = nearest(points, 20), by_hand(points, 20)
    # Pixels are whole numbers, so some points are equally far: what counts is that none is farther.
    assert (found.distances <= true.distances[:, -1:] * (1 + 1e-6)).mean() > 0.999


@pytest.mark.parametrize("mean", [10, 1e3, 1e5])
def test_large_means_hide_no_neighbor(mean: float) -> None:
    random = np.random.default_rng(0)
    points = random.normal(size=(700, 80)) * np.where(np.arange(80) < 20, 1, 0.01)
    points = (points + mean * random.uniform(0.5, 1, 80)).astype(np.float32)
    found, true = nearest(points, 9), by_hand(points, 9)
    assert (found.distances <= true.distances[:, -1:] * (1 + 1e-4)).all()


def test_as_many_neighbors_as_points() -> None:
    points = np.random.default_rng(0).normal(size=(12, 50))
    assert (np.sort(nearest(points, 12).indices, axis=1) == np.arange(12)).all()


@pytest.mark.parametrize("dims", [4, 40])
def test_a_search_in_parts_finds_what_one_of_all_points_finds(
    monkeypatch: pytest.MonkeyPatch, dims: int
) -> None:
    points = np.random.default_rng(0).normal(size=(900, dims)).astype(np.float32)
    points[400:450] = points[:50]  # ties
    whole = nearest(points, 7)
    monkeypatch.setattr("latentclust.clustering.neighbors.SEARCHED", 256)
    parts = nearest(points, 7)
    assert np.array_equal(parts.distances, whole.distances)
    assert np.array_equal(parts.indices, whole.indices)
