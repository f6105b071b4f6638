import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from latentclust.errors import LatentclustError
from latentclust.figures import image_grid, reconstructions, save

from .drawn import assert_legible, drawn_texts


def page(figure):
    """The picture inside the axes, as it is rendered, in [0, 1]."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[..., :3] / 255
    box = figure.axes[0].get_window_extent()
    top = len(pixels) - round(box.y1)
    return pixels[top : top + round(box.height), round(box.x0) : round(box.x0) + round(box.width)]


def cell(picture, grid, row, column):
    """One image's part of the picture, brought back to its own pixels; every enlarged pixel must be even."""
    height, width = picture.shape[0] // grid[0], picture.shape[1] // grid[1]
    part = picture[row * height : (row + 1) * height, column * width : (column + 1) * width][2:-2, 2:-2]
    scale = part.shape[0] // grid[2]
    blocks = part.reshape(grid[2], scale, grid[3], scale, 3)
    assert np.ptp(blocks, axis=(1, 3)).max() == 0, "a pixel is smeared"
    return blocks[:, 0, :, 0]


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


@pytest.mark.parametrize("shape", [(3, 8, 8), (2, 2, 8, 8, 4), (0, 2, 8, 8), (2, 2, 2, 8, 8, 3)])
def test_arrays_that_are_no_grid_are_refused(shape):
    with pytest.raises(LatentclustError, match="a grid of images"):
        image_grid(np.zeros(shape), title="Samples")


def test_inputs_and_outputs_must_match():
    with pytest.raises(LatentclustError, match="as many inputs as outputs"):
        reconstructions(np.zeros((3, 8, 8)), np.zeros((2, 8, 8)), title="Digits")
    with pytest.raises(LatentclustError, match="as many inputs as outputs"):
        reconstructions(np.zeros((0, 8, 8)), np.zeros((0, 8, 8)), title="Digits")


def test_the_same_input_gives_the_same_bytes(tmp_path):
    images = np.random.default_rng(0).uniform(size=(2, 3, 8, 8))
    one, other = (save(image_grid(images, title="Samples"), tmp_path / f"{i}.png") for i in range(2))
    assert one.read_bytes() == other.read_bytes()
