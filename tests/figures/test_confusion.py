import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle

from latentclust.errors import LatentclustError
from latentclust.figures import confusion_matrix, save

from .drawn import assert_legible

NAMES = [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
]

LONG_NAMES = [f"{name} for children" for name in NAMES]


def counts_of(n_clusters, n_classes, high=7000):
    counts = np.random.default_rng(0).integers(0, high, size=(n_clusters, n_classes))
    counts[0, 0] = 0
    counts[-1] = 0
    return counts


def read_cells(figure, shape):
    """The counts and shares as written: two arrays of text."""
    counts, shares = np.full(shape, "", dtype=object), np.full(shape, "", dtype=object)
    for text in figure.axes[0].texts:
        column, y = text.get_position()
        (shares if y > round(y) else counts)[round(y), column] = text.get_text()
    return counts, shares


@pytest.mark.parametrize(("n_clusters", "n_classes"), [(10, 10), (13, 10), (4, 7), (1, 1)])
def test_cells_hold_the_counts_and_the_shares_of_their_cluster(n_clusters, n_classes):
    counts = counts_of(n_clusters, n_classes)
    order = np.random.default_rng(1).permutation(n_clusters)
    figure = confusion_matrix(counts, title="Digits", cluster_order=order)
    written, shares = read_cells(figure, counts.shape)
    for row, cluster in enumerate(order):
        for c in range(n_classes):
            count, total = int(counts[cluster, c]), int(counts[cluster].sum())
            assert written[row, c] == f"{count:,}"
            expected = "" if count == 0 else "<1%" if count < 0.01 * total else f"{count / total:.0%}"
            assert shares[row, c] == expected
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == [str(k) for k in order]
    assert [label.get_text() for label in axes.get_xticklabels()] == [str(c) for c in range(n_classes)]
    (sums,) = axes.child_axes
    assert [label.get_text() for label in sums.get_yticklabels()] == [f"{counts[k].sum():,}" for k in order]
    np.testing.assert_allclose(
        axes.images[0].get_array()[0], counts[order[0]] / max(counts[order[0]].sum(), 1)
    )


def test_matches_order_the_rows_and_are_outlined():
    figure = confusion_matrix(counts_of(5, 3), title="Digits", matches=[2, -1, 0, -1, 1])
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["2", "4", "0", "1", "3"]
    frames = {patch.get_xy() for patch in axes.patches if isinstance(patch, Rectangle)}
    assert frames == {(-0.5, -0.5), (0.5, 0.5), (1.5, 1.5)}


def test_a_given_order_goes_before_the_matches():
    figure = confusion_matrix(counts_of(2, 2), title="Digits", matches=[0, 1], cluster_order=[1, 0])
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["1", "0"]
    assert {patch.get_xy() for patch in figure.axes[0].patches} == {(0.5, -0.5), (-0.5, 0.5)}


def luminance(name):
    rgb = np.asarray(to_rgb(name))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4) @ (0.2126, 0.7152, 0.0722)


def test_text_keeps_its_contrast_on_every_shade():
    counts = np.array([[i, 200 - i] for i in range(1, 200, 3)])
    axes = confusion_matrix(counts, title="Digits").axes[0]
    image = axes.images[0]
    for text in axes.texts:
        column, y = text.get_position()
        shade = luminance(image.to_rgba(image.get_array())[round(y), column])
        ink = luminance(text.get_color())
        # WCAG 2: 3 is enough for large text and graphics, 4.5 for prose.
        assert (max(shade, ink) + 0.05) / (min(shade, ink) + 0.05) > 3.8


@pytest.mark.parametrize(("n_clusters", "names"), [(1, None), (10, NAMES), (3, LONG_NAMES), (15, None)])
def test_no_text_covers_another(n_clusters, names):
    counts = np.full((n_clusters, 10), 60_000)
    assert_legible(confusion_matrix(counts, title="Fashion-MNIST · VaDE · epoch 300", class_names=names))


def test_no_text_covers_another_in_a_narrow_matrix():
    assert_legible(
        confusion_matrix(np.array([[3], [4]]), title="Two clusters of one class of images, epoch 3")
    )


@pytest.mark.parametrize(
    "wrong", [{"class_names": ["a"]}, {"cluster_order": [0, 0]}, {"cluster_order": [0]}, {"matches": [0]}]
)
def test_names_orders_and_matches_that_do_not_fit_are_refused(wrong):
    with pytest.raises(LatentclustError, match="2 clusters and 3 classes"):
        confusion_matrix(np.ones((2, 3), int), title="Digits", **wrong)


def test_the_same_input_gives_the_same_bytes(tmp_path):
    one, other = (
        save(confusion_matrix(counts_of(3, 3), title="Digits"), tmp_path / f"{i}.png") for i in range(2)
    )
    assert one.read_bytes() == other.read_bytes()
