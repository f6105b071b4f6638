"""Partitions without a network, against scikit-learn's own and against what theory says."""

import numpy as np
import pytest
from sklearn.cluster import KMeans, SpectralClustering
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture

from latentclust.clustering import partitions
from latentclust.clustering.partitions import PARTITIONS, gmm, kmeans, partition, spectral
from latentclust.data.points import make_points
from latentclust.errors import LatentclustError


@pytest.fixture
def blobs():
    return make_points("blobs", 300, noise=0.1, n_groups=4)


@pytest.mark.parametrize("name", PARTITIONS)
def test_each_method_finds_easy_blobs_and_repeats_itself(name, blobs):
    first, again = (partition(name, blobs.points, 4, seed=3) for _ in range(2))
    assert adjusted_rand_score(blobs.labels, first.clusters) == 1
    np.testing.assert_array_equal(first.clusters, again.clusters)
    assert first.objective == again.objective
    assert first.clusters.dtype == np.int64
    if first.predict is not None:
        np.testing.assert_array_equal(first.predict(blobs.points), first.clusters)


def test_kmeans_competes_by_its_inertia(blobs):
    found = kmeans(blobs.points, 4)
    distances = np.linalg.norm(blobs.points[:, None] - found.means[None], axis=-1)
    np.testing.assert_array_equal(distances.argmin(axis=1), found.clusters)
    assert found.objective == pytest.approx((distances.min(axis=1) ** 2).mean())
    ring = make_points("blobs", 300, noise=0.1, n_groups=9, seed=1).points
    losses = [kmeans(ring, 9, n_init=1, seed=seed).objective for seed in range(10)]
    assert kmeans(ring, 9, n_init=20).objective == pytest.approx(min(losses), rel=1e-6)
    assert max(losses) > 1.5 * min(losses)  # a local optimum


@pytest.mark.parametrize("covariance", ["diag", "full"])
def test_a_mixture_is_scikit_learns(covariance, blobs):
    tilted = blobs.points @ np.array([[1, 0.8], [0, 0.3]])
    found = gmm(tilted, 4, covariance=covariance)
    truth = GaussianMixture(4, covariance_type=covariance, n_init=5, random_state=0).fit(tilted)
    np.testing.assert_array_equal(found.clusters, truth.predict(tilted))
    assert found.objective == pytest.approx(-truth.score_samples(tilted).mean())
    np.testing.assert_allclose(found.covariances, truth.covariances_)


def test_a_mixtures_restart_is_that_of_its_seed():
    points = np.random.default_rng(0).normal(size=(150, 2))
    found = [gmm(points, 6, n_init=1, seed=seed) for seed in (0, 7)]
    truth = [GaussianMixture(6, n_init=1, random_state=seed).fit(points) for seed in (0, 7)]
    assert [one.objective for one in found] == pytest.approx([-one.score(points) for one in truth])
    assert abs(found[0].objective - found[1].objective) > 1e-3  # two local optima


@pytest.mark.parametrize(("name", "noise"), [("moons", 0.1), ("circles", 0.075), ("blobs", 0.15)])
def test_spectral_clustering_is_scikit_learns(name, noise):
    points, labels = make_points(name, 600, noise=noise, n_groups=3)
    k = len(np.unique(labels))
    found = spectral(points, k, n_neighbors=12)
    truth = SpectralClustering(k, affinity="nearest_neighbors", n_neighbors=12, random_state=0)
    if found.parts > 1:
        with pytest.warns(UserWarning, match="not fully connected"):
            clusters = truth.fit_predict(points)
    else:
        clusters = truth.fit_predict(points)
    assert adjusted_rand_score(found.clusters, clusters) > 0.98


@pytest.mark.parametrize("name", ["moons", "circles"])
def test_the_feature_space_parts_what_kmeans_cannot(name):
    points, labels = make_points(name, 600, noise=0.04)
    assert adjusted_rand_score(labels, kmeans(points, 2).clusters) < 0.5
    found = spectral(points, 2)
    assert adjusted_rand_score(labels, found.clusters) == 1
    assert found.features.shape == (600, 3)
    # Each part of a graph falls onto one place (von Luxburg 2007, proposition 4).
    assert found.parts == 2
    for group in range(2):
        assert np.ptp(found.features[labels == group, :2], axis=0).max() < 1e-8


def test_the_first_eigenvector_of_a_connected_graph_is_constant():
    found = spectral(make_points("moons", 600, noise=0.2).points, 2)
    assert found.parts == 1
    assert np.ptp(found.features[:, 0]) < 1e-8


def test_points_that_come_in_parts_get_the_same_clusters(blobs, monkeypatch):
    monkeypatch.setattr(partitions, "CHUNK", 7)
    found = kmeans(blobs.points, 4)
    expected = KMeans(4, n_init=10, random_state=0).fit(blobs.points).predict(blobs.points[:100])
    np.testing.assert_array_equal(found.predict(blobs.points[:100]), expected)


@pytest.mark.parametrize("name", ["kmeans", "gmm"])
def test_fewer_places_than_clusters_are_no_error(name):
    points = np.repeat(np.eye(3), 10, axis=0)
    assert len(np.unique(partition(name, points, 5).clusters)) <= 5


def zeros(n, dims):
    """So many points, in no memory."""
    return np.broadcast_to(np.zeros(1, dtype=np.float32), (n, dims))


@pytest.mark.parametrize(
    ("name", "points", "k", "options", "said"),
    [
        ("dbscan", zeros(9, 2), 2, {}, "choose one of kmeans, gmm, spectral"),
        ("kmeans", zeros(9, 2), 10, {}, "n_clusters is 10, but there are only 9"),
        ("spectral", zeros(10_001, 2), 2, {}, "10,001 inputs is too large .* at most 10,000"),
        ("spectral", zeros(9, 2), 2, {"n_neighbors": 9}, "needs more than 9 inputs"),
        ("spectral", zeros(9, 2), 9, {"n_neighbors": 2}, "needs more than 9 inputs"),
        ("gmm", zeros(70_000, 784), 10, {}, "choose model.covariance=diag"),
        ("kmeans", np.array([[0.0, 1], [np.nan, 0]]), 2, {}, "could not be partitioned: .*NaN"),
    ],
)
def test_what_cannot_be_parted_is_refused(name, points, k, options, said):
    with pytest.raises(LatentclustError, match=said):
        partition(name, points, k, **options)
