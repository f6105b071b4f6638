from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentclust.errors import LatentclustError
from latentclust.figures import between, plane_codes, plane_grid, plane_ranges, save

from .drawn import assert_legible, drawn_texts, page

TITLE = "Fashion-MNIST · VAE · epoch 50 · the decoded plane of z1 and z2, all other coordinates zero"
coordinates = st.floats(-100, 100)
ranges = st.tuples(st.floats(-50, 50), st.floats(0.1, 50)).map(lambda pair: (pair[0], pair[0] + pair[1]))


@settings(deadline=None, max_examples=50)
@given(st.data(), st.integers(2, 6), st.integers(2, 7), ranges, ranges)
def test_codes_stand_as_they_would_in_a_plot(data, latent_dim, n, across, up):
    dims = tuple(data.draw(st.permutations(range(latent_dim)))[:2])
    center = np.array(data.draw(st.lists(coordinates, min_size=latent_dim, max_size=latent_dim)))
    codes = plane_codes(latent_dim, dims=dims, limit=(across, up), n=n, center=center)
    assert codes.shape == (n, n, latent_dim)
    for row, column in product(range(n), range(n)):
        expected = center.copy()
        expected[dims[0]] = across[0] + (across[1] - across[0]) * column / (n - 1)
        expected[dims[1]] = up[1] - (up[1] - up[0]) * row / (n - 1)
        np.testing.assert_allclose(codes[row, column], expected, atol=1e-9)


def test_the_usual_plane_is_that_of_the_standard_normal():
    codes = plane_codes(10)
    assert codes.shape == (12, 12, 10)
    np.testing.assert_array_equal(codes[0, 0, :2], [-3, 3])
    np.testing.assert_array_equal(codes[-1, -1, :2], [3, -3])
    assert not codes[..., 2:].any()


def test_ranges_leave_as_many_codes_below_as_above():
    z = np.random.default_rng(0).normal(size=(10_000, 3)) * (1, 2, 5) + (0, 10, 0)
    for (low, high), column in zip(
        plane_ranges(z, dims=(2, 1), coverage=0.9), (z[:, 2], z[:, 1]), strict=True
    ):
        assert (column < low).mean() == pytest.approx(0.05, abs=1e-3)
        assert (column > high).mean() == pytest.approx(0.05, abs=1e-3)
    across, up = plane_ranges(z, coverage=1)
    assert (across, up) == ((z[:, 0].min(), z[:, 0].max()), (z[:, 1].min(), z[:, 1].max()))


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(coordinates, coordinates), min_size=1, max_size=6), st.integers(2, 9))
def test_a_line_goes_from_end_to_end_in_even_steps(pairs, n):
    start, end = np.array(pairs).T
    codes = between(start, end, n)
    np.testing.assert_array_equal(codes[[0, -1]], [start, end])
    np.testing.assert_allclose(
        np.diff(codes, axis=0), np.tile((end - start) / (n - 1), (n - 1, 1)), atol=1e-9
    )


@pytest.mark.parametrize(
    "shape", [(12, 12, 8, 8), (4, 4, 28, 28), (3, 5, 9, 6, 3), (30, 30, 28, 28), (2, 2, 8, 8, 1)]
)
def test_the_images_lie_side_by_side_pixel_by_pixel(shape):
    images = np.random.default_rng(0).integers(0, 256, size=shape) / 255
    picture = page(plane_grid(images, 3.0, title="Digits"))
    flat = np.concatenate([np.concatenate(list(row), axis=1) for row in images], axis=0)
    scale = picture.shape[0] // flat.shape[0]
    assert picture.shape[:2] == (flat.shape[0] * scale, flat.shape[1] * scale)
    expected = flat.reshape(*flat.shape[:2], -1).repeat(scale, axis=0).repeat(scale, axis=1)
    np.testing.assert_allclose(picture, np.broadcast_to(expected, picture.shape), atol=1 / 254)
    assert 500 < max(picture.shape) < 1500, "a picture that fits on a screen"


def test_the_axes_tell_where_each_image_was_decoded():
    limit = (-2.0, 6.0), (10.0, 13.0)
    codes = plane_codes(2, limit=limit, n=5)
    images = np.zeros((5, 5, 8, 8))
    figure = plane_grid(images, limit, title="Digits", axis_labels=("z3", "z7"))
    axes = figure.axes[0]
    box = axes.get_window_extent()
    for row, column in product(range(5), range(5)):
        middle = box.x0 + box.width * (column + 0.5) / 5, box.y1 - box.height * (row + 0.5) / 5
        np.testing.assert_allclose(axes.transData.transform(codes[row, column]), middle, atol=0.1)
    texts = dict(drawn_texts(figure))
    assert {"z3", "z7"} <= set(texts)
    for text in ("0", "2", "4", "\u22122"):
        value = float(text.replace("\u2212", "-"))
        middle = (texts[text].x0 + texts[text].x1) / 2
        assert middle == pytest.approx(axes.transData.transform((value, 10))[0], abs=6)


@pytest.mark.parametrize("limit", [3.0, 0.001, 1234.5, ((-1.63, 12345.0), (-0.00123, 0.00217))])
@pytest.mark.parametrize("n", [2, 12])
def test_no_text_covers_another(limit, n):
    figure = plane_grid(np.zeros((n, n, 8, 8)), limit, title=TITLE)
    assert_legible(figure)
    box = figure.axes[0].get_window_extent()
    for _, extent in drawn_texts(figure):
        assert extent.y0 >= box.y1 or extent.x1 <= box.x0 or extent.y1 <= box.y0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plane_codes(2, dims=(0, 2)), "0 to 1, not"),
        (lambda: plane_codes(2, dims=(1, 1)), "0 to 1, not"),
        (lambda: plane_codes(2, dims=(-1, 0)), "0 to 1, not"),
        (lambda: plane_codes(1), "two of the coordinates"),
        (lambda: plane_codes(2, n=1), "n >= 2"),
        (lambda: plane_codes(2, limit=0), "limit above 0"),
        (lambda: plane_codes(2, limit=-1), "limit above 0"),
        (lambda: plane_codes(2, limit=((0, 1), (1, 1))), "low < high"),
        (lambda: plane_codes(2, limit=(0, 1)), "low, high"),
        (lambda: plane_codes(2, limit=np.nan), "limit above 0"),
        (lambda: plane_codes(3, center=np.zeros(2)), "3 coordinates"),
        (lambda: plane_ranges(np.zeros((0, 2))), "N >= 1"),
        (lambda: plane_ranges(np.zeros(2)), "finite codes"),
        (lambda: plane_ranges(np.full((3, 2), np.nan)), "finite codes"),
        (lambda: plane_ranges(np.zeros((3, 2)), coverage=0), "coverage"),
        (lambda: plane_ranges(np.zeros((3, 2)), dims=(0, 5)), "0 to 1"),
        (lambda: between(np.zeros(2), np.zeros(3), 5), "between two"),
        (lambda: between(np.zeros((1, 2)), np.zeros((1, 2)), 5), "between two"),
        (lambda: between(np.zeros(2), np.ones(2), 1), "n >= 2"),
        (lambda: plane_grid(np.zeros((3, 8, 8)), 3.0, title="Digits"), "a grid of images"),
        (lambda: plane_grid(np.zeros((3, 3, 8, 8)), 0.0, title="Digits"), "limit above 0"),
    ],
)
def test_mistakes_are_named(call, message):
    with pytest.raises(LatentclustError, match=message):
        call()


def test_codes_in_one_place_have_no_plane():
    with pytest.raises(LatentclustError, match="low < high"):
        plane_codes(2, limit=plane_ranges(np.zeros((5, 2))))


def test_the_same_input_gives_the_same_bytes(tmp_path):
    images = np.random.default_rng(0).uniform(size=(3, 3, 8, 8))
    one, other = (save(plane_grid(images, 3.0, title="Digits"), tmp_path / f"{i}.png") for i in range(2))
    assert one.read_bytes() == other.read_bytes()
