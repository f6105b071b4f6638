import base64
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from latentclust.errors import LatentclustError
from latentclust.figures.thumbnails import sprite_sheet


def picture(sheet):
    return Image.open(io.BytesIO(base64.b64decode(sheet.png)))


def cut(sheet, count):
    """The thumbnails as a reader sees them, (count, H, W, 3)."""
    pixels = np.asarray(picture(sheet).convert("RGB"))
    assert pixels.shape[:2] == (sheet.rows * sheet.height, sheet.columns * sheet.width)
    return np.stack(
        [pixels[top : top + sheet.height, left : left + sheet.width] for left, top in sheet.corners(count)]
    )


@settings(max_examples=40)
@given(
    st.integers(1, 30),
    st.integers(1, 9),
    st.integers(1, 9),
    st.sampled_from([(), (1,), (3,)]),
    st.integers(0),
)
def test_every_image_lies_at_its_corner(count, height, width, channels, seed):
    images = np.random.default_rng(seed).random((count, height, width, *channels))
    sheet = sprite_sheet(images)
    expected = np.broadcast_to(
        np.round(images.reshape(count, height, width, -1) * 255), (count, height, width, 3)
    )
    np.testing.assert_array_equal(cut(sheet, count), expected)


def test_values_outside_the_range_are_cut_off():
    assert cut(sprite_sheet(np.array([[[-2.0, 3.0]]])), 1)[0, 0, :, 0].tolist() == [0, 255]


def test_many_large_images_are_averaged_until_they_fit():
    rng = np.random.default_rng(0)
    images = rng.random((20, 7, 10))
    sheet = sprite_sheet(images, budget=20 * 7 * 10 - 1)
    assert (sheet.height, sheet.width) == (4, 5)
    seen = cut(sheet, 20)[..., 0]
    for row, column in ((0, 0), (2, 4), (1, 3)):
        block = images[:, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
        np.testing.assert_array_equal(seen[:, row, column], np.round(255 * block.mean(axis=(1, 2))))
    # The seventh row has no partner: it is averaged with itself.
    np.testing.assert_array_equal(seen[:, 3, 0], np.round(255 * images[:, 6, :2].mean(axis=1)))


def test_a_large_image_becomes_a_thumbnail():
    sheet = sprite_sheet(np.ones((2, 300, 100)))
    assert (sheet.height, sheet.width) == (100, 34)


@pytest.mark.parametrize("shape", [(500, 30, 20), (500, 20, 20, 3), (3, 200, 300, 3), (700, 1, 1)])
@pytest.mark.parametrize("budget", [20_000, 100_000])
def test_noise_stays_within_the_budget(shape, budget):
    sheet = sprite_sheet(np.random.default_rng(0).random(shape), budget)
    pixels = shape[0] * sheet.width * sheet.height
    assert pixels <= budget
    # Noise cannot be compressed: its pixels, a palette, some percent of headers and empty places.
    assert len(base64.b64decode(sheet.png)) < 1.1 * budget + 2000


def test_colors_over_the_budget_keep_their_looks():
    colors = np.random.default_rng(0).integers(0, 256, (40, 3)) / 255
    images = colors[np.random.default_rng(1).integers(0, 40, (50, 8, 8))]
    sheet = sprite_sheet(images, budget=50 * 8 * 8)
    assert picture(sheet).mode == "P"
    assert np.abs(cut(sheet, 50) - 255.0 * images).max() <= 8


def test_the_same_images_give_the_same_bytes():
    images = np.random.default_rng(0).random((30, 8, 8, 3))
    assert sprite_sheet(images) == sprite_sheet(images.copy())
    assert sprite_sheet(images, 1000) == sprite_sheet(images.copy(), 1000)


@pytest.mark.parametrize("shape", [(0, 8, 8), (8, 8), (3, 8, 8, 2), (3, 0, 8), (3, 8, 8, 3, 1)])
def test_what_is_no_list_of_images_is_refused(shape):
    with pytest.raises(LatentclustError, match=r"\(M, H, W\)"):
        sprite_sheet(np.zeros(shape))


def test_images_that_hold_nan_are_refused():
    with pytest.raises(LatentclustError, match="NaN"):
        sprite_sheet(np.full((2, 3, 3), np.nan))
