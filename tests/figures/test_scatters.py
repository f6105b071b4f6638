"""The scatters in three dimensions and by confidence; test_latent has the plain one."""

from itertools import product

import numpy as np
import pytest
from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.patches import Ellipse
from mpl_toolkits.mplot3d.proj3d import proj_transform
from sklearn.datasets import load_digits, make_blobs
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from latentclust.errors import LatentclustError
from latentclust.figures import confidence_scatter, latent_scatter, latent_scatter_3d, numeral_scatter, save
from latentclust.figures.space import clearest_view, page_directions
from latentclust.figures.style import PALETTE

from .drawn import assert_legible, drawn_texts

NAMES = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Boot"]
TITLE = "Fashion-MNIST · VaDE · epoch 300 · codes of the test images and how certain their clusters are"
DRAW = {2: numeral_scatter, 3: latent_scatter_3d}


def blobs(dims, n_groups=4, n=200):
    return make_blobs(n, dims, centers=n_groups, random_state=0)


@pytest.fixture(scope="module")
def digits():
    digits = load_digits()
    return PCA(3, random_state=0).fit_transform(digits.data), digits.target


# ---- three dimensions


@pytest.mark.parametrize("n_groups", [1, 4, 23])
def test_every_point_stands_in_space_in_the_color_of_its_group(n_groups):
    points, groups = blobs(3, n_groups)
    axes = latent_scatter_3d(points, groups, title="Blobs").axes[0]
    axes.figure.draw_without_rendering()  # projects the points
    x, y, depth = proj_transform(*points.T, axes.get_proj())
    seen = []
    for collection in axes.collections:
        rows = [int(np.argmin(np.hypot(x - px, y - py))) for px, py in collection.get_offsets()]
        np.testing.assert_allclose(collection.get_offsets(), np.column_stack([x, y])[rows])
        # matplotlib gives the colors in the order in which it draws: the farthest first.
        from_afar = sorted(rows, key=lambda row: -depth[row])
        expected = [to_rgb(PALETTE[groups[row] % 10]) for row in from_afar]
        np.testing.assert_allclose(collection.get_facecolor()[:, :3], expected)
        seen += rows
    assert sorted(seen) == list(range(len(points)))


def test_the_three_axes_share_one_scale():
    points = np.random.default_rng(0).normal(size=(100, 3)) * (1, 5, 20)
    axes = latent_scatter_3d(points, np.zeros(100, int), title="Blobs").axes[0]
    lengths = [high - low for low, high in (axes.get_xlim(), axes.get_ylim(), axes.get_zlim())]
    np.testing.assert_allclose(
        np.divide(axes._box_aspect, axes._box_aspect[0]), np.divide(lengths, lengths[0])
    )
    assert min(lengths) > 0.3 * max(lengths), "a box too flat to see into"
    for axis, column in zip((axes.get_xlim(), axes.get_ylim(), axes.get_zlim()), points.T, strict=True):
        assert axis[0] < column.min() <= column.max() < axis[1]


@pytest.mark.parametrize("view", [(22.0, -58.0), (35.0, 140.0)])
def test_right_and_up_on_the_page_are_where_matplotlib_draws_them(view):
    points, groups = blobs(3)
    axes = latent_scatter_3d(points, groups, title="Blobs", view=view).axes[0]
    axes.set_proj_type("ortho")
    projection = axes.get_proj()
    origin, *ends = np.array(
        [proj_transform(*p, projection)[:2] for p in [(0, 0, 0), *page_directions(*view)]]
    )
    right, up = np.array(ends) - origin
    assert right[0] > 0
    assert up[1] > 0
    np.testing.assert_allclose([right[1] / right[0], up[0] / up[1]], 0, atol=1e-6)


def separation(points, groups, view):
    """Sum of the eigenvalues of S_w^-1 S_b on the page, by scikit-learn."""
    page = points @ page_directions(*view).T
    model = LinearDiscriminantAnalysis(solver="eigen", priors=np.bincount(groups) / len(groups)).fit(
        page, groups
    )
    means = model.means_ - page.mean(axis=0)
    between = means.T @ (means * model.priors_[:, None])
    return np.linalg.eigvals(np.linalg.inv(model.covariance_) @ between).sum()


def test_no_other_view_keeps_the_groups_farther_apart(digits):
    points, groups = digits
    best = separation(points, groups, clearest_view(points, groups))
    for view in product((15, 25, 35), range(-170, 180, 20)):
        if view[1] % 90:
            assert separation(points, groups, view) <= best * (1 + 1e-9)


def test_a_group_hidden_behind_another_is_looked_at_from_the_side():
    rng = np.random.default_rng(0)
    groups = np.repeat([0, 1], 100)
    # They differ along x alone; from there one hides the other.
    points = rng.normal(size=(200, 3)) + np.outer(groups, (8, 0, 0))
    _, azimuth = clearest_view(points, groups)
    assert abs(abs(azimuth) - 90) <= 10


@pytest.mark.parametrize("groups", [np.full(50, -1), np.zeros(50, int), np.arange(50)])
def test_where_nothing_is_to_tell_apart_there_is_still_a_view(groups):
    points = np.random.default_rng(0).normal(size=(50, 3))
    elevation, _ = clearest_view(points, groups)
    assert 10 <= elevation <= 40
    assert_legible(latent_scatter_3d(points, groups, title="Codes", group_names=None))


def test_codes_that_collapsed_to_one_point_are_drawn_in_space():
    assert_legible(latent_scatter_3d(np.full((20, 3), 2.0), np.arange(20) % 2, title="Codes"))


@pytest.mark.parametrize("view", [None, (15, -170), (15, 100), (25, 40), (35, -80), (35, 170)])
def test_no_text_covers_another_in_space(digits, view):
    points, groups = digits
    figure = latent_scatter_3d(points * (1, 1, 0.2), groups, title=TITLE, group_names=NAMES, view=view)
    assert_legible(figure)
    texts = {text for text, _ in drawn_texts(figure)}
    assert {"z1", "z2", "z3", *NAMES} <= texts


# ---- confidence


def confident(n=300, k=4):
    points, groups = blobs(2, k, n)
    return points, np.random.default_rng(1).uniform(1 / k, 1, n), groups


def test_each_point_has_the_color_of_its_confidence_and_the_least_certain_lies_on_top():
    points, confidence, _ = confident()
    figure = confidence_scatter(points, confidence, title="Blobs", n_clusters=4)
    (drawn,) = figure.axes[0].collections
    FigureCanvasAgg(figure).draw()
    order = np.argsort(confidence)[::-1]
    np.testing.assert_array_equal(drawn.get_offsets(), points[order])
    expected = colormaps["viridis"]((confidence[order] - 0.25) / 0.75)
    np.testing.assert_allclose(drawn.get_facecolors(), expected, atol=1 / 128)


@pytest.mark.parametrize(("k", "limits"), [(10, (0.1, 1)), (None, (0, 1)), (1, (0, 1))])
def test_the_colors_span_what_is_possible_and_not_what_occurs(k, limits):
    figure = confidence_scatter(np.eye(2), np.array([0.6, 0.7]), title="Two", n_clusters=k)
    axes, bar = figure.axes
    assert axes.collections[0].get_clim() == pytest.approx(limits)
    assert bar.get_ylim() == pytest.approx(limits)
    assert "\u03b3" in bar.get_ylabel()


def test_components_set_the_scale_and_are_drawn_over_the_points():
    points, confidence, _ = confident()
    components = np.arange(8.0).reshape(4, 2), np.tile(np.eye(2), (4, 1, 1))
    by_confidence = confidence_scatter(points, confidence, title=TITLE, components=components)
    by_group = latent_scatter(points, np.zeros(300, int), title=TITLE, components=components)
    shown = [
        [(p.center, p.width, p.height, p.angle) for p in figure.axes[0].patches if isinstance(p, Ellipse)]
        for figure in (by_confidence, by_group)
    ]
    assert len(shown[0]) == 4
    assert shown[0] == shown[1]
    assert by_confidence.axes[0].collections[0].get_clim() == (0.25, 1)
    assert {"0", "1", "2", "3", "component, 2 \u03c3"} <= {text for text, _ in drawn_texts(by_confidence)}


@pytest.mark.parametrize("labels", [None, ("PC 1  (20% of the variance)", "PC 2  (18% of the variance)")])
def test_no_text_covers_another_beside_the_color_bar(labels):
    points, confidence, _ = confident()
    components = np.zeros((4, 2)), np.tile(np.eye(2), (4, 1, 1))
    figure = confidence_scatter(points, confidence, title=TITLE, components=components, axis_labels=labels)
    assert_legible(figure)


@pytest.mark.parametrize("wrong", [-0.1, 0.05, 1.01])
def test_what_is_no_confidence_is_refused(wrong):
    with pytest.raises(LatentclustError, match=r"lies in \[0.1, 1\]"):
        confidence_scatter(np.eye(2), np.array([0.5, wrong]), title="Two", n_clusters=10)


def test_the_rounding_of_float32_is_let_pass():
    confidence_scatter(np.eye(2), np.array([1.00001, 0.1], np.float32), title="Two", n_clusters=10)


# ---- all of them


@pytest.mark.parametrize("dims", DRAW)
def test_what_does_not_fit_together_is_refused(dims):
    draw = DRAW[dims]
    points, groups = blobs(dims)
    with pytest.raises(LatentclustError, match=rf"points \(N, {dims}\)"):
        draw(points[:, :1], groups, title="Blobs")
    with pytest.raises(LatentclustError, match=rf"points \(N, {dims}\)"):
        draw(points, groups[1:], title="Blobs")
    with pytest.raises(LatentclustError, match="NaN or infinity"):
        draw(np.where(points == points[0], np.nan, points), groups, title="Blobs")
    with pytest.raises(LatentclustError, match="group 3 has no name"):
        draw(points, groups, title="Blobs", group_names=["a", "b", "c"])


@pytest.mark.parametrize("draw", [latent_scatter, confidence_scatter])
def test_the_other_two_check_their_points_too(draw):
    with pytest.raises(LatentclustError, match=r"points \(N, 2\)"):
        draw(np.zeros((5, 3)), np.ones(5), title="Blobs")


@pytest.mark.parametrize("dims", DRAW)
def test_without_points_there_is_an_empty_plot(dims):
    assert_legible(DRAW[dims](np.zeros((0, dims)), np.zeros(0, int), title="No points"))


@pytest.mark.parametrize("dims", DRAW)
def test_the_same_input_gives_the_same_bytes(tmp_path, dims):
    one, other = (
        save(DRAW[dims](*blobs(dims), title="Blobs"), tmp_path / f"{i}", svg=True) for i in range(2)
    )
    assert one.read_bytes() == other.read_bytes()
    assert one.with_suffix(".svg").read_bytes() == other.with_suffix(".svg").read_bytes()
