import sys

import numpy as np
import pytest
from sklearn.datasets import load_digits, make_blobs
from sklearn.decomposition import PCA
from sklearn.neighbors import KNeighborsClassifier

from latentclust.errors import LatentclustError
from latentclust.figures import pca_plane, project


@pytest.fixture(scope="module")
def codes():
    return PCA(6, random_state=0).fit_transform(load_digits().data)


def test_pca_plane_agrees_with_scikit_learn(codes):
    shifted = codes * np.linspace(1, 3, 6) + 5
    pca = PCA(2).fit(shifted)
    plane = pca_plane(shifted)
    expected = pca.transform(shifted)
    points = plane.project(shifted)
    signs = np.sign((points * expected).sum(axis=0))
    np.testing.assert_allclose(points * signs, expected, atol=1e-8)
    assert plane.labels[0] == f"PC 1  ({pca.explained_variance_ratio_[0]:.0%} of the variance)"
    assert plane.labels[1] == f"PC 2  ({pca.explained_variance_ratio_[1]:.0%} of the variance)"


def test_components_fall_onto_the_plane_like_their_samples(codes):
    rng = np.random.default_rng(0)
    means, variances = rng.normal(size=(3, 6)) * 4, rng.uniform(0.2, 3, size=(3, 6))
    plane = pca_plane(codes)
    centers, covariances = plane.project_components(means, variances)
    for k in range(3):
        points = plane.project(rng.normal(means[k], np.sqrt(variances[k]), size=(200_000, 6)))
        np.testing.assert_allclose(centers[k], points.mean(axis=0), atol=0.02)
        np.testing.assert_allclose(covariances[k], np.cov(points.T), atol=0.03)


def test_two_dimensions_keep_their_own_axes(codes):
    plane = pca_plane(codes[:, :2])
    np.testing.assert_array_equal(plane.project(codes[:, :2]), codes[:, :2])
    centers, covariances = plane.project_components(np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]]))
    np.testing.assert_array_equal(centers, [[1, 2]])
    np.testing.assert_array_equal(covariances, [np.diag([3, 4])])


def test_one_dimension_lies_on_a_line(codes):
    points = pca_plane(codes[:, :1]).project(codes[:, :1])
    np.testing.assert_array_equal(points, np.column_stack([codes[:, 0], np.zeros(len(codes))]))


def test_the_subset_is_seeded_and_its_plane_is_that_of_all_codes(codes):
    points, rows = project(codes, seed=3, size=100)
    again, same = project(codes, seed=3, size=100)
    assert len(rows) == len(set(rows)) == 100
    assert (np.diff(rows) > 0).all()
    np.testing.assert_array_equal(rows, same)
    np.testing.assert_array_equal(points, again)
    np.testing.assert_allclose(points, pca_plane(codes).project(codes)[rows])
    assert set(project(codes, seed=4, size=100)[1]) != set(rows)


def test_a_size_beyond_the_codes_takes_them_all(codes):
    np.testing.assert_array_equal(project(codes, size=10_000)[1], np.arange(len(codes)))


@pytest.mark.parametrize("method", ["tsne", pytest.param("umap", marks=pytest.mark.long)])
def test_neighborhoods_are_kept_and_the_result_repeats_itself(method):
    z, groups = make_blobs(150, 8, centers=4, cluster_std=0.7, random_state=0)
    points, rows = project(z, method, size=120, perplexity=10)
    assert points.shape == (120, 2)
    assert KNeighborsClassifier(5).fit(points, groups[rows]).score(points, groups[rows]) > 0.98
    np.testing.assert_array_equal(project(z, method, size=120, perplexity=10)[0], points)
    assert not np.array_equal(project(z, method, size=120, perplexity=10, seed=1)[0], points)


def test_every_method_takes_the_same_subset(codes):
    chosen = [project(codes, method, seed=3, size=50)[1] for method in ("pca", "tsne", "umap")]
    np.testing.assert_array_equal(chosen[0], chosen[1])
    np.testing.assert_array_equal(chosen[0], chosen[2])


def divergence(z, points, perplexity):
    """KL(P, Q) of t-SNE by its definition (van der Maaten and Hinton 2008), bisecting for each sigma."""
    squares = ((z[:, None] - z[None]) ** 2).sum(axis=2)
    p = np.zeros_like(squares)
    for i, row in enumerate(squares):
        others = np.arange(len(z)) != i
        low, high = 1e-6, 1e6
        for _ in range(100):
            precision = np.sqrt(low * high)
            weights = np.exp(-(row[others] - row[others].min()) * precision)
            weights /= weights.sum()
            entropy = -(weights * np.log(weights.clip(1e-300))).sum()
            low, high = (precision, high) if entropy > np.log(perplexity) else (low, precision)
        p[i, others] = weights
    p = (p + p.T) / (2 * len(z))
    q = 1 / (1 + ((points[:, None] - points[None]) ** 2).sum(axis=2))
    np.fill_diagonal(q, 0)
    q /= q.sum()
    used = p > 0
    return (p[used] * np.log(p[used] / q[used])).sum()


def test_more_steps_of_tsne_come_closer_to_its_objective():
    z, _ = make_blobs(100, 8, centers=4, random_state=0)
    few, many = (project(z, "tsne", perplexity=10, max_iter=n)[0].astype(float) for n in (300, 1000))
    assert divergence(z, many, 10) < 0.95 * divergence(z, few, 10)


@pytest.mark.parametrize("method", ["tsne", "umap"])
@pytest.mark.parametrize("shape", [(4, 5), (10, 1), (12, 3), (17, 2)])
def test_few_codes_and_one_dimension_are_embedded_too(method, shape):
    z = np.random.default_rng(0).normal(size=shape)
    points, _ = project(z, method)
    assert points.shape == (shape[0], 2)
    assert np.isfinite(points).all()
    np.testing.assert_array_equal(project(z, method)[0], points)


def test_tsne_copes_with_three_codes():
    assert project(np.eye(3), "tsne")[0].shape == (3, 2)


@pytest.mark.parametrize("method", ["pca", "tsne", "umap"])
@pytest.mark.parametrize("dims", [1, 2, 5])
def test_codes_that_collapsed_to_one_point_are_one_point(method, dims):
    points, _ = project(np.full((20, dims), 2.0), method)
    assert len(np.unique(points, axis=0)) == 1


def test_without_umap_the_message_says_what_to_install(codes, monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(LatentclustError, match="pip install umap-learn"):
        project(codes, "umap", size=20)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "lda"}, "unknown projection 'lda': use one of pca, tsne, umap"),
        ({"size": 1}, "size >= 2"),
        ({"perplexity": 0}, "perplexity >= 1"),
        ({"method": "tsne", "max_iter": 249}, "max_iter >= 250"),
        ({"method": "umap", "n_neighbors": 1}, "n_neighbors >= 2"),
        ({"method": "umap", "size": 3}, "at least 4 codes, not 3"),
        ({"z": np.zeros((1, 3))}, "at least two codes"),
        ({"z": np.zeros(5)}, "at least two codes"),
        ({"z": np.array([[1.0, np.nan], [0, 0]])}, "training diverged"),
    ],
)
def test_mistakes_are_named(codes, arguments, message):
    with pytest.raises(LatentclustError, match=message):
        project(**{"z": codes, **arguments})
