"""Points whose groups are known, and what becomes of their distances."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentclust.data.points import (
    POINT_SETS,
    blob_centers,
    distance_contrast,
    make_points,
    pairwise_distances,
)
from latentclust.errors import LatentclustError
from latentclust.limits import LARGEST_POINTS


@given(
    name=st.sampled_from(POINT_SETS),
    n=st.integers(7, 60),
    dims=st.integers(2, 12),
    noise=st.floats(0, 2),
    n_groups=st.integers(1, 7),
    seed=st.integers(0, 5),
)
def test_points_and_groups_are_what_was_asked_for(name, n, dims, noise, n_groups, seed):
    points, labels = make_points(name, n, dims=dims, noise=noise, n_groups=n_groups, seed=seed)
    assert points.shape == (n, dims)
    assert labels.shape == (n,)
    assert np.isfinite(points).all()
    sizes = np.bincount(labels)
    assert len(sizes) == (n_groups if name == "blobs" else 2)
    assert sizes.max() - sizes.min() <= 1


@pytest.mark.parametrize("name", POINT_SETS)
def test_further_dimensions_add_noise_to_the_same_groups(name):
    plane = make_points(name, 2000, dims=2, noise=0.2, n_groups=3, seed=4)
    space = make_points(name, 2000, dims=40, noise=0.2, n_groups=3, seed=4)
    np.testing.assert_array_equal(space.labels, plane.labels)
    np.testing.assert_array_equal(space.points[:, :2], plane.points)
    rest = space.points[:, 2:]
    np.testing.assert_allclose(rest.std(axis=0), 0.2, rtol=0.08)
    assert abs(np.corrcoef(rest.T) - np.eye(38)).max() < 0.12
    for group in np.unique(space.labels):
        np.testing.assert_allclose(rest[space.labels == group].mean(axis=0), 0, atol=0.03)


def test_a_seed_decides():
    first, again, other = (make_points("moons", 50, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.points, again.points)
    np.testing.assert_array_equal(first.labels, again.labels)
    assert not np.array_equal(first.points, other.points)


def test_circles_have_their_radii():
    points, labels = make_points("circles", 200, noise=0.0)
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), np.where(labels == 0, 1, 0.5))


def test_moons_are_half_circles_that_no_line_parts():
    points, labels = make_points("moons", 200, noise=0.0)
    centers = np.array([[0, 0], [1, 0.5]])
    np.testing.assert_allclose(np.linalg.norm(points - centers[labels], axis=1), 1)
    # The tip of each moon lies inside of the other one's hull.
    assert points[labels == 1, 1].max() > points[labels == 0, 1].min()
    assert points[labels == 0, 0].max() > points[labels == 1, 0].min()


@pytest.mark.parametrize("n_groups", [2, 3, 5, 10])
def test_neighboring_blobs_are_one_apart(n_groups):
    centers = blob_centers(n_groups)
    distances = np.linalg.norm(centers[:, None] - centers[None], axis=-1) + 9 * np.eye(n_groups)
    np.testing.assert_allclose(distances.min(axis=1), 1)
    points, labels = make_points("blobs", 4000 * n_groups, noise=0.15, n_groups=n_groups)
    for group in range(n_groups):
        np.testing.assert_allclose(points[labels == group].mean(axis=0), centers[group], atol=0.02)
        np.testing.assert_allclose(points[labels == group].std(axis=0), 0.15, rtol=0.05)


@pytest.mark.parametrize(
    ("name", "n", "options", "said"),
    [
        ("spiral", 10, {}, "choose one of blobs, moons, circles"),
        ("blobs", 4, {"n_groups": 5}, "4 points cannot make 5 groups"),
        ("blobs", 4, {"n_groups": 0}, "cannot make 0 groups"),
        ("moons", 10, {"dims": 1}, "dims >= 2"),
        ("moons", 10, {"noise": -0.1}, "noise >= 0"),
        ("moons", 10, {"noise": float("nan")}, "noise >= 0"),
        ("moons", 10**6, {"dims": 1000}, "too many"),
        ("moons", LARGEST_POINTS // 2 + 1, {}, "may be at most 100,000,000"),
    ],
)
def test_what_cannot_be_drawn_is_refused(name, n, options, said):
    with pytest.raises(LatentclustError, match=said):
        make_points(name, n, **options)


def brute_force(points):
    """Contrast, nearest and farthest of all points, one pair after the other."""
    nearest, farthest = [], []
    for i, a in enumerate(points):
        distances = [float(np.sqrt(((a - b) ** 2).sum())) for j, b in enumerate(points) if j != i]
        nearest.append(min(d for d in distances if d > 0))
        farthest.append(max(distances))
    contrasts = [(far - near) / near for near, far in zip(nearest, farthest, strict=True)]
    return np.mean(contrasts), np.mean(nearest), np.mean(farthest)


@pytest.mark.parametrize("dims", [1, 2, 30])
def test_the_contrast_is_that_of_all_pairs(dims):
    points = np.random.default_rng(dims).normal(size=(40, dims))
    assert distance_contrast(points) == pytest.approx(brute_force(points))


def test_copies_of_a_point_are_not_its_neighbors():
    points = np.array([[0.0, 0], [0, 0], [3, 4], [6, 8]])
    assert distance_contrast(points) == pytest.approx(brute_force(points))
    with pytest.raises(LatentclustError, match="all points are equal"):
        distance_contrast(np.ones((5, 3)))


def test_a_sample_of_the_points_asks_all_of_them():
    points = np.random.default_rng(0).uniform(size=(3000, 5))
    whole, part = distance_contrast(points, n_queries=3000), distance_contrast(points, 1, n_queries=300)
    assert part == pytest.approx(whole, rel=0.1)
    assert part == distance_contrast(points, 1, n_queries=300)
    assert part != distance_contrast(points, 2, n_queries=300)


def test_the_contrast_vanishes_as_dimensions_grow():
    contrasts = [
        distance_contrast(make_points("blobs", 500, dims=dims, noise=0.2, n_groups=5).points).contrast
        for dims in (2, 10, 100, 1000)
    ]
    assert contrasts == sorted(contrasts, reverse=True)
    assert contrasts[0] > 20
    assert contrasts[-1] < 0.2


@pytest.mark.parametrize("labeled", [True, False])
def test_every_pair_is_within_or_between(labeled):
    points, labels = make_points("blobs", 30, dims=3, n_groups=4)
    within, between = pairwise_distances(points, labels if labeled else None)
    expected = {True: [], False: []}
    for i in range(30):
        for j in range(i):
            same = not labeled or labels[i] == labels[j]
            expected[bool(same)].append(np.linalg.norm(points[i] - points[j]))
    np.testing.assert_allclose(np.sort(within), np.sort(expected[True]))
    np.testing.assert_allclose(np.sort(between), np.sort(expected[False]))


def test_pairs_are_of_a_sample_where_there_are_many_points():
    points, labels = make_points("moons", 500)
    within, between = pairwise_distances(points, labels, size=20)
    assert len(within) + len(between) == 190
