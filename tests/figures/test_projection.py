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


def test_tsne_keeps_neighborhoods_and_repeats_itself():
    z, groups = make_blobs(150, 8, centers=4, cluster_std=0.7, random_state=0)
    points, rows = project(z, "tsne", size=120, perplexity=10)
    assert points.shape == (120, 2)
    assert KNeighborsClassifier(5).fit(points, groups[rows]).score(points, groups[rows]) > 0.98
    np.testing.assert_array_equal(project(z, "tsne", size=120, perplexity=10)[0], points)


@pytest.mark.parametrize("shape", [(3, 5), (10, 1), (12, 3)])
def test_tsne_copes_with_few_codes_and_one_dimension(shape):
    z = np.random.default_rng(0).normal(size=shape)
    points, _ = project(z, "tsne")
    assert points.shape == (shape[0], 2)
    assert np.isfinite(points).all()
    np.testing.assert_array_equal(project(z, "tsne")[0], points)


@pytest.mark.parametrize("method", ["pca", "tsne"])
@pytest.mark.parametrize("dims", [1, 2, 5])
def test_codes_that_collapsed_to_one_point_are_one_point(method, dims):
    points, _ = project(np.full((20, dims), 2.0), method)
    assert len(np.unique(points, axis=0)) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "umap"}, "unknown projection 'umap': use one of pca, tsne"),
        ({"size": 1}, "size >= 2"),
        ({"perplexity": 0}, "perplexity >= 1"),
        ({"z": np.zeros((1, 3))}, "at least two codes"),
        ({"z": np.zeros(5)}, "at least two codes"),
        ({"z": np.array([[1.0, np.nan], [0, 0]])}, "training diverged"),
    ],
)
def test_mistakes_are_named(codes, arguments, message):
    with pytest.raises(LatentclustError, match=message):
        project(**{"z": codes, **arguments})
