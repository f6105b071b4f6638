"""Nearest neighbors against all distances, and two senses of near against a loop."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.datasets import load_digits
from sklearn.metrics import adjusted_rand_score

from latentclust.errors import LatentclustError
from latentclust.initialization import fit_manifold
from latentclust.initialization.neighbors import Neighbors, joined, nearest


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


def test_as_many_neighbors_as_points() -> None:
    points = np.random.default_rng(0).normal(size=(12, 50))
    assert (np.sort(nearest(points, 12).indices, axis=1) == np.arange(12)).all()


def test_neighbors_in_two_senses_against_a_loop() -> None:
    random = np.random.default_rng(3)
    first, second = by_hand(random.normal(size=(60, 3)), 5), by_hand(random.normal(size=(60, 4)), 9)
    both = joined(first, second, 4)
    for i in range(60):
        wanted = {j: d / first.distances[i, 4] for j, d in zip(*(part[i] for part in first), strict=True)}
        for j, d in zip(*(part[i] for part in second), strict=True):
            if len(wanted) < 9 and j not in wanted:
                wanted[j] = d / second.distances[i, 4]
        order = sorted(wanted, key=wanted.__getitem__)
        assert both.indices[i].tolist() == order
        np.testing.assert_allclose(both.distances[i], [wanted[j] for j in order], rtol=1e-5)


def test_equal_points_have_no_distance_to_divide_by() -> None:
    points = np.repeat(np.random.default_rng(0).normal(size=(4, 3)), 6, axis=0)
    both = joined(nearest(points, 5), nearest(points, 8), 3)
    assert np.isfinite(both.distances).all()
    assert all(len(set(row)) == 8 for row in both.indices.tolist())


def test_pixels_join_what_features_tear_apart() -> None:
    """Three groups, of which features bring together the first two and pixels the last two."""
    random = np.random.default_rng(0)
    group = np.repeat([0, 1, 2], 120)
    features = random.normal(size=(360, 3)) + np.array([[0, 0, 0], [9, 0, 0], [60, 0, 0]])[group]
    pixels = random.normal(size=(360, 20)) + 40 * np.eye(20)[[0, 1, 1]][group]
    blind = fit_manifold(features, 2, seed=0).clusters
    assert adjusted_rand_score(group == 2, blind) == 1
    told = fit_manifold(features, 2, pixels=pixels, n_neighbors=5, pixel_neighbors=15, seed=0).clusters
    assert adjusted_rand_score(group == 0, told) == 1
    with pytest.raises(LatentclustError, match="need the pixels"):
        fit_manifold(features, 2, pixel_neighbors=15)
