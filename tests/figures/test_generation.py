from itertools import product

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from latentclust.errors import LatentclustError
from latentclust.figures import image_grid, interpolation, prototypes, reconstructions, save

from .drawn import assert_legible, cell, drawn_texts, page


@pytest.mark.parametrize("side", [8, 28, 32, 100])
def test_every_image_is_on_the_page_pixel_by_pixel(side):
    images = np.random.default_rng(0).integers(0, 256, size=(3, 4, side, side)) / 255
    picture = page(image_grid(images, title="Samples", row_labels=["a", "b", "c"]))
    for row in range(3):
        for column in range(4):
            shown = cell(picture, images.shape, row, column)
            np.testing.assert_allclose(
                shown, np.repeat(images[row, column, ..., None], 3, axis=-1), atol=1 / 254
            )


@pytest.mark.parametrize("side", range(60, 80, 5))
def test_no_pixel_is_lost_to_rounding_of_the_page(side):
    images = np.random.default_rng(0).integers(0, 2, size=(1, 8, side, side)).astype(float)
    figure = image_grid(images, title="Samples")
    width, height = FigureCanvasAgg(figure).get_width_height()
    assert (width, height) == (round(figure.bbox.width), round(figure.bbox.height))
    np.testing.assert_array_equal(cell(page(figure), images.shape, 0, 7)[..., 0], images[0, 7])


def test_color_images_keep_their_colors_and_one_channel_is_gray():
    images = np.random.default_rng(0).uniform(size=(2, 3, 16, 16, 3)).astype(np.float32)
    np.testing.assert_allclose(
        cell(page(image_grid(images, title="Samples")), images.shape, 1, 2), images[1, 2], atol=1 / 254
    )
    gray = images[..., :1]
    np.testing.assert_array_equal(
        page(image_grid(gray, title="Samples")), page(image_grid(gray[..., 0], title="Samples"))
    )


def test_the_gray_scale_is_fixed_and_not_stretched_to_the_images():
    picture = page(image_grid(np.full((1, 1, 8, 8), 0.25), title="Samples"))
    np.testing.assert_allclose(cell(picture, (1, 1, 8, 8), 0, 0), 0.25, atol=1 / 254)


def test_row_labels_stand_at_the_middle_of_their_rows():
    labels = [f"{k}   π = 0.10" for k in range(5)]
    figure = image_grid(np.zeros((5, 3, 8, 8)), title="Samples", row_labels=labels)
    box = figure.axes[0].get_window_extent()
    middles = {text: (extent.y0 + extent.y1) / 2 for text, extent in drawn_texts(figure)}
    for row, label in enumerate(labels):
        assert middles[label] == pytest.approx(box.y1 - box.height * (row + 0.5) / 5, abs=3)


@pytest.mark.parametrize("shape", [(1, 1, 8, 8), (10, 12, 28, 28), (30, 2, 8, 8)])
def test_no_text_covers_another(shape):
    title = "Fashion-MNIST · VaDE · epoch 300 · samples of each component, by weight"
    labels = [f"component {k}" for k in range(shape[0])]
    figure = image_grid(np.zeros(shape), title=title, row_labels=labels)
    assert_legible(figure)
    box = figure.axes[0].get_window_extent()
    assert all(extent.y0 >= box.y1 or extent.x1 <= box.x0 for _, extent in drawn_texts(figure))


@pytest.mark.parametrize("count", [1, 10, 13])
def test_reconstructions_stand_below_their_inputs(count):
    rng = np.random.default_rng(0)
    originals, decoded = rng.uniform(size=(2, count, 8, 8))
    figure = reconstructions(originals, decoded, title="Digits")
    picture = page(figure)
    columns, blocks = min(count, 10), -(-count // 10)
    grid = (2 * blocks, columns, 8, 8)
    for i in range(count):
        block, column = divmod(i, 10)
        shown = [cell(picture, grid, 2 * block + offset, column)[..., 0] for offset in range(2)]
        np.testing.assert_allclose(shown, [originals[i], decoded[i]], atol=1 / 254)
    if count == 13:
        assert cell(picture, grid, 3, 9).min() == 1, "an empty place is as white as the page"
    labels = [text for text, _ in drawn_texts(figure)]
    assert labels.count("input") == labels.count("output") == blocks


@pytest.mark.parametrize(("n_steps", "side"), [(2, 8), (7, 28), (11, 8), (5, 100)])
def test_lines_are_drawn_step_by_step_below_their_share_of_the_way(n_steps, side):
    images = np.random.default_rng(0).uniform(size=(3, n_steps, side, side))
    labels = ["0 \u2192 1", "2 \u2192 3", "4 \u2192 5"]
    figure = interpolation(images, title="Samples", row_labels=labels)
    picture = page(figure)
    for row, step in product(range(3), range(n_steps)):
        shown = cell(picture, images.shape, row, step)[..., 0]
        np.testing.assert_allclose(shown, images[row, step], atol=1 / 254)
    assert_legible(figure)
    box, places = figure.axes[0].get_window_extent(), dict(drawn_texts(figure))
    for step in range(n_steps):
        place = places[f"{step / (n_steps - 1):.2g}"]
        assert (place.x0 + place.x1) / 2 == pytest.approx(box.x0 + box.width * (step + 0.5) / n_steps, abs=2)
        assert place.y0 >= box.y1
    for row, label in enumerate(labels):
        middle = (places[label].y0 + places[label].y1) / 2
        assert middle == pytest.approx(box.y1 - box.height * (row + 0.5) / 3, abs=3)


SIZES = [2, 0, 4]  # images of each cluster


def members(rng, sizes=SIZES, shape=(8, 8)):
    return [rng.uniform(0, 0.9, size=(m, *shape)) for m in sizes]


@pytest.mark.parametrize("shape", [(8, 8), (8, 8, 3)])
def test_each_cluster_stands_beside_its_own_members_and_absent_ones_are_white(shape):
    rng = np.random.default_rng(0)
    means, certain, uncertain = (
        rng.uniform(size=(3, *shape)),
        members(rng, SIZES, shape),
        members(rng, SIZES, shape),
    )
    picture = page(prototypes(means, certain, uncertain, title="Digits"))
    side = picture.shape[0] // 3
    gap = (picture.shape[1] - 9 * side) // 2
    assert gap > 10, "the means stand apart from the members"
    parts = np.split(picture, [side, side + gap, 5 * side + gap, 5 * side + 2 * gap], axis=1)
    assert parts[1].min() == parts[3].min() == 1
    for part, lists in zip(parts[::2], ([mean[None] for mean in means], certain, uncertain), strict=True):
        columns = part.shape[1] // side
        for row, column in product(range(3), range(columns)):
            shown = cell(part, (3, columns, 8, 8), row, column)
            there = column < len(lists[row])
            image = lists[row][column].reshape(8, 8, -1) if there else 1
            np.testing.assert_allclose(shown, np.broadcast_to(image, shown.shape), atol=1 / 254)


def test_an_array_of_members_will_do():
    rng = np.random.default_rng(0)
    means, certain = rng.uniform(size=(3, 8, 8)), rng.uniform(size=(3, 2, 8, 8))
    pages = [page(prototypes(means, images, images, title="Digits")) for images in (certain, list(certain))]
    np.testing.assert_array_equal(*pages)


@pytest.mark.parametrize("most", [0, 1, 2, 6])
@pytest.mark.parametrize("side", [8, 28])
def test_headings_stand_above_what_they_name(most, side):
    rng = np.random.default_rng(0)
    images = members(rng, [most, 0, most], (side, side))
    labels = ["0   33.0 %", "1   10.0 %", "2   57.0 %"]
    title = (
        "Fashion-MNIST \u00b7 VaDE \u00b7 the mean of each cluster, its most and its least certain members"
    )
    figure = prototypes(np.zeros((3, side, side)), images, images, title=title, row_labels=labels)
    assert_legible(figure)
    texts = {text.replace("\n", " ") for text, _ in drawn_texts(figure)}
    assert set(labels) | {"mean"} <= texts
    assert {"most certain", "least certain"} <= texts or most == 0


@pytest.mark.parametrize(
    "sizes_and_shape", [([1, 1], (8, 8)), ([1, 1, 1], (9, 8)), ([1, 1, 1], (8, 8, 3)), ([1] * 4, (8, 8))]
)
def test_members_that_do_not_fit_the_means_are_refused(sizes_and_shape):
    rng = np.random.default_rng(0)
    good, wrong = members(rng), members(rng, *sizes_and_shape)
    for certain, uncertain in ((good, wrong), (wrong, good)):
        with pytest.raises(LatentclustError, match="for each cluster"):
            prototypes(np.zeros((3, 8, 8)), certain, uncertain, title="Digits")


@pytest.mark.parametrize("shape", [(3, 8, 8), (2, 2, 8, 8, 4), (0, 2, 8, 8), (2, 2, 2, 8, 8, 3)])
def test_arrays_that_are_no_grid_are_refused(shape):
    with pytest.raises(LatentclustError, match="a grid of images"):
        image_grid(np.zeros(shape), title="Samples")
    with pytest.raises(LatentclustError, match="a grid of images"):
        interpolation(np.zeros(shape), title="Samples")


def test_no_clusters_are_refused():
    with pytest.raises(LatentclustError, match="a grid of images"):
        prototypes(np.zeros((0, 8, 8)), [], [], title="Digits")


def test_inputs_and_outputs_must_match():
    with pytest.raises(LatentclustError, match="as many inputs as outputs"):
        reconstructions(np.zeros((3, 8, 8)), np.zeros((2, 8, 8)), title="Digits")
    with pytest.raises(LatentclustError, match="as many inputs as outputs"):
        reconstructions(np.zeros((0, 8, 8)), np.zeros((0, 8, 8)), title="Digits")


def test_the_same_input_gives_the_same_bytes(tmp_path):
    images = np.random.default_rng(0).uniform(size=(2, 3, 8, 8))
    one, other = (save(image_grid(images, title="Samples"), tmp_path / f"{i}.png") for i in range(2))
    assert one.read_bytes() == other.read_bytes()
