import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.patches import Ellipse
from sklearn.datasets import make_blobs

from latentclust.figures import latent_scatter, save
from latentclust.figures.style import NO_GROUP, PALETTE

from .drawn import assert_legible, drawn_texts

NAMES = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Boot"]


def blobs(n_groups=4, n=200):
    return make_blobs(n, 2, centers=n_groups, random_state=0)


def drawn_points(figure):
    """Each drawn point as (x, y, color)."""
    return {
        (float(x), float(y), tuple(face[:3].tolist()))
        for collection in figure.axes[0].collections
        for (x, y), face in zip(collection.get_offsets(), collection.get_facecolors(), strict=True)
    }


@pytest.mark.parametrize("n_groups", [1, 4, 23])
def test_every_point_is_drawn_once_in_the_color_of_its_group(n_groups):
    points, groups = blobs(n_groups)
    figure = latent_scatter(points, groups, title="Blobs")
    expected = {
        (float(x), float(y), to_rgb(PALETTE[group % 10]))
        for (x, y), group in zip(points, groups, strict=True)
    }
    assert drawn_points(figure) == expected
    assert sum(len(c.get_offsets()) for c in figure.axes[0].collections) == len(points)


def test_no_group_is_buried_under_the_next():
    points, groups = blobs(2, 1000)
    order = np.sort(groups)
    (collection,) = latent_scatter(points, order, title="Blobs").axes[0].collections
    first = np.array([tuple(face[:3]) == to_rgb(PALETTE[0]) for face in collection.get_facecolors()])
    assert 0.4 < first[:500].mean() < 0.6


def test_groups_beyond_ten_change_their_marker():
    points, groups = blobs(12)
    drawn = latent_scatter(points, groups, title="Blobs").axes[0].collections
    triangles, circles = sorted(drawn, key=lambda collection: len(collection.get_offsets()))
    assert len(triangles.get_offsets()) == (groups >= 10).sum()
    assert len(circles.get_paths()[0].vertices) != len(triangles.get_paths()[0].vertices)


def test_each_group_is_named_in_the_legend_and_at_its_median():
    points, groups = blobs(4)
    figure = latent_scatter(points, groups, title="Blobs", group_names=NAMES)
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == NAMES[:4]
    for label in axes.texts:
        group = NAMES.index(label.get_text())
        np.testing.assert_allclose(label.xy, np.median(points[groups == group], axis=0))
    assert len(axes.texts) == 4


def test_points_without_a_group_are_gray_and_unlabeled():
    points, _ = blobs()
    figure = latent_scatter(points, np.full(len(points), -1), title="Unlabeled")
    assert {face for *_, face in drawn_points(figure)} == {to_rgb(NO_GROUP)}
    assert figure.axes[0].get_legend() is None
    assert [text for text, _ in drawn_texts(figure)] == ["Unlabeled"]


def test_ellipses_lie_two_sigma_from_their_means():
    rng = np.random.default_rng(0)
    means = rng.normal(size=(5, 2)) * 5
    roots = rng.normal(size=(5, 2, 2))
    covariances = roots @ roots.transpose(0, 2, 1)
    covariances[0] = np.diag([1.0, 9.0])
    figure = latent_scatter(*blobs(), title="Blobs", components=(means, covariances))
    ellipses = [patch for patch in figure.axes[0].patches if isinstance(patch, Ellipse)]
    assert len(ellipses) == 5
    assert sorted((ellipses[0].width, ellipses[0].height)) == pytest.approx([4, 12])
    for ellipse, mean, covariance in zip(ellipses, means, covariances, strict=True):
        # The ends of both axes: Mahalanobis distance 2, and perpendicular.
        ends = np.array([*ellipse.get_vertices(), *ellipse.get_co_vertices()]) - mean
        distances = np.einsum("ni,ij,nj->n", ends, np.linalg.inv(covariance), ends)
        np.testing.assert_allclose(distances, 4, rtol=1e-6)
        np.testing.assert_allclose(ends[0] @ ends[2], 0, atol=1e-9)


@pytest.mark.parametrize("labels", [("z1", "z2"), None])
def test_components_are_numbered_at_their_means_and_in_view(labels):
    means = np.array([[-40.0, 0.0], [0.0, 30.0], [1.0, 1.0]])
    components = means, np.tile(np.eye(2), (3, 1, 1))
    figure = latent_scatter(*blobs(), title="Blobs", components=components, axis_labels=labels)
    axes = figure.axes[0]
    assert {text.get_text(): tuple(text.xy) for text in axes.texts if text.get_text()} == {
        str(k): tuple(mean) for k, mean in enumerate(means)
    }
    assert axes.get_xlim()[0] < -42
    assert axes.get_ylim()[1] > 32
    assert (axes.get_xlabel(), axes.get_ylabel()) == (labels or ("", ""))
    figure.draw_without_rendering()
    (left, bottom), (right, top) = axes.transData.transform([(0, 0), (1, 1)])
    assert right - left == pytest.approx(top - bottom, rel=0.02), "a circle must stay a circle"


LONG = "Fashion-MNIST · VAE, then a Gaussian mixture on the codes · epoch 50 · t-SNE of 2,000 codes by class"


@pytest.mark.parametrize(("n_groups", "named"), [(1, False), (10, True), (30, False)])
def test_no_text_covers_another(n_groups, named):
    names = [NAMES[group % 10] for group in range(n_groups)] if named else None
    assert_legible(latent_scatter(*blobs(n_groups, 400), title=LONG, group_names=names))


def test_numbers_of_components_in_one_place_are_moved_apart():
    components = np.zeros((12, 2)), np.tile(np.eye(2), (12, 1, 1))
    figure = latent_scatter(*blobs(), title=LONG, components=components, axis_labels=("z1", "z2"))
    assert {str(k) for k in range(12)} <= {text for text, _ in drawn_texts(figure)}
    assert_legible(figure)


def test_dollar_signs_in_names_are_letters():
    figure = latent_scatter(*blobs(2), title=r"$\nonsense{$ and $", group_names=["$5 to $10", "_^$"])
    assert {"$5 to $10", r"$\nonsense{$ and $"} <= {text for text, _ in drawn_texts(figure)}


def test_the_same_input_gives_the_same_bytes(tmp_path):
    components = np.zeros((3, 2)), np.tile(np.eye(2), (3, 1, 1))
    one, other = (
        save(latent_scatter(*blobs(), title="Blobs", components=components), tmp_path / f"{i}.png")
        for i in range(2)
    )
    assert one.read_bytes() == other.read_bytes()
