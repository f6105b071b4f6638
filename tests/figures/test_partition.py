import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.patches import Ellipse

from latentclust.errors import LatentclustError
from latentclust.figures import distance_histogram, frame, partition_scatter, save
from latentclust.figures.style import PALETTE

from .drawn import assert_legible, drawn_texts


def points_of(axes):
    """The number of points in each color of a panel's scatter."""
    faces = [
        tuple(np.round(face[:3], 4))
        for collection in axes.collections
        if collection.get_alpha() is not None  # the means have none
        for face in collection.get_facecolors()
    ]
    return {face: faces.count(face) for face in set(faces)}


def shade(group):
    return tuple(np.round(to_rgb(PALETTE[group]), 4))


@pytest.fixture
def moons():
    rng = np.random.default_rng(0)
    return rng.normal(size=(90, 2)) * (2, 1), np.repeat([0, 1, 2], 30)


def test_a_cluster_wears_the_color_of_its_group_and_keeps_its_number(moons):
    points, groups = moons
    clusters = np.array([2, 0, 1, 3])[np.where(np.arange(90) < 10, 3, groups)]
    figure = partition_scatter(points, groups, clusters, title="Blobs", matches=[1, 2, 0, -1])
    truth, found = figure.axes
    assert points_of(truth) == {shade(0): 30, shade(1): 30, shade(2): 30}
    assert points_of(found) == {shade(0): 20, shade(1): 30, shade(2): 30, shade(3): 10}
    assert [text.get_text() for text in truth.get_legend().get_texts()] == ["group 0", "group 1", "group 2"]
    names = [text.get_text() for text in found.get_legend().get_texts()]
    assert names == ["cluster 2", "cluster 0", "cluster 1", "cluster 3"]
    assert truth.get_xlim() == found.get_xlim() == frame(points)[:2]
    assert truth.get_ylim() == found.get_ylim() == frame(points)[2:]
    assert_legible(figure)


def test_without_groups_the_clusters_stand_alone(moons):
    points, groups = moons
    figure = partition_scatter(points, None, groups, title="Files", panel_titles=("no", "yes"))
    (axes,) = figure.axes
    assert axes.get_title("left") == "yes"
    assert "no" not in [text for text, _ in drawn_texts(figure)]
    assert_legible(figure)


def test_the_regions_lie_where_their_clusters_are(moons):
    points, groups = moons
    left, right, bottom, top = frame(points)
    x, y = np.meshgrid(np.linspace(left, right, 40), np.linspace(bottom, top, 30))
    regions = (x > 0).astype(int) + 2 * ((x > 0) & (y > 0))
    figure = partition_scatter(points, groups, groups, title="Blobs", regions=regions)
    truth, found = figure.axes
    assert not truth.images
    (image,) = found.images
    assert tuple(image.get_extent()) == (left, right, bottom, top)
    assert image.origin == "lower"
    drawn = np.asarray(image.get_array())
    assert drawn.shape == (30, 40, 3)
    np.testing.assert_allclose(drawn[0, -1], to_rgb(PALETTE[1]), atol=0.01)  # low right
    np.testing.assert_allclose(drawn[-1, -1], to_rgb(PALETTE[3]), atol=0.01)  # top right
    assert image.get_alpha() < 0.5


def test_means_and_ellipses_are_drawn_over_the_clusters_alone(moons):
    points, groups = moons
    means = np.array([[0.0, 0], [1, 0.5]])
    figure = partition_scatter(
        points, groups, groups % 2, title="GMM", means=means, covariances=np.array([np.eye(2), 4 * np.eye(2)])
    )
    truth, found = figure.axes
    crosses = [c for c in found.collections if len(c.get_offsets()) == 2]
    np.testing.assert_allclose(crosses[0].get_offsets(), means)
    widths = [patch.width for patch in found.patches if isinstance(patch, Ellipse)]
    assert widths == pytest.approx([4, 8])
    assert not any(isinstance(patch, Ellipse) for patch in truth.patches)


@pytest.mark.parametrize("points", [np.zeros((4, 2)), np.array([[0.0, 3], [1, 3], [2, 3], [9, 3]])])
def test_points_in_one_place_or_on_a_line_have_a_frame(points):
    left, right, bottom, top = frame(points)
    assert left < right
    assert bottom < top
    figure = partition_scatter(points, None, np.zeros(4, dtype=int), title="A line")
    assert_legible(figure)


def test_many_groups_with_long_names_stay_legible(moons):
    points, _ = moons
    groups = np.arange(90) % 24
    names = [f"a long name, {g}" for g in range(24)]
    figure = partition_scatter(
        points, groups, groups, title="A title that goes on and on " * 4, group_names=names, equal=False
    )
    assert_legible(figure)


def test_what_does_not_fit_is_refused(moons):
    points, groups = moons
    with pytest.raises(LatentclustError, match="needs points"):
        partition_scatter(points, groups[1:], groups, title="x")
    with pytest.raises(LatentclustError, match="needs points"):
        partition_scatter(points[1:], None, groups, title="x")
    with pytest.raises(LatentclustError, match="two points that differ"):
        distance_histogram(np.zeros(3), np.zeros(0), title="x")
    with pytest.raises(LatentclustError, match="two points that differ"):
        distance_histogram(np.zeros(0), np.zeros(0), title="x")


def test_each_kind_of_pair_is_a_share_of_its_own():
    within, between = np.array([1.0, 1, 2, 4]), np.array([4.0, 4, 4, 4, 4, 4])
    figure = distance_histogram(within, between, title="Distances in 2 dimensions")
    (axes,) = figure.axes
    outlines = [patch for patch in axes.patches if not patch.get_fill()]
    assert [patch.get_label() for patch in outlines] == ["same group", "different groups"]
    mean = np.concatenate([within, between]).mean()
    for patch, distances in zip(outlines, (within, between), strict=True):
        shares, edges, _ = patch.get_data()
        assert shares.sum() == pytest.approx(1)
        assert edges[0] == 0
        for value in np.unique(distances):
            place = min(np.searchsorted(edges, value / mean, side="right") - 1, len(shares) - 1)
            assert shares[place] == pytest.approx((distances == value).mean())
    assert_legible(figure)


def test_pairs_without_groups_are_one_kind():
    figure = distance_histogram(np.arange(1.0, 9), np.zeros(0), title="Distances")
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == ["all pairs"]
    assert_legible(figure)


def test_the_same_arrays_give_the_same_file(moons, tmp_path):
    points, groups = moons
    files = [
        save(partition_scatter(points, groups, groups, title="Blobs"), tmp_path / name).read_bytes()
        for name in ("one", "two")
    ]
    assert files[0] == files[1]
