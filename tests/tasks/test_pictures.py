"""Tensors of images as what matplotlib, the report and TensorBoard draw."""

import numpy as np
import pytest
import torch
from PIL import Image

from latentclust.gallery.pictures import as_pictures, as_thumbnails


@pytest.mark.parametrize("channels", [1, 3])
def test_gray_and_rgb_are_drawn_as_they_are(channels: int) -> None:
    images = torch.rand(2, 4, channels, 3, 5)
    pictures = as_pictures(images)
    assert pictures.shape == (2, 4, 3, 5, channels)
    assert pictures[1, 2, 0, 4, channels - 1] == images[1, 2, channels - 1, 0, 4]


@pytest.mark.parametrize("channels", [2, 5])
def test_the_mean_of_other_channels_is_drawn_as_gray(channels: int) -> None:
    images = torch.zeros(6, channels, 3, 5)
    images[:, 0] = 0.5
    pictures = as_pictures(images)
    assert pictures.shape == (6, 3, 5, 1)
    np.testing.assert_allclose(pictures, 0.5 / channels)


def test_four_channels_are_rgb_and_its_opacity_over_white() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 5, 4), dtype=np.uint8)
    page = Image.new("RGBA", (5, 3), "white")
    page.alpha_composite(Image.fromarray(pixels))
    picture = as_pictures(torch.from_numpy(pixels).movedim(-1, 0) / 255)
    np.testing.assert_allclose(picture * 255, np.asarray(page.convert("RGB")), atol=1)
    nothing = as_pictures(torch.zeros(4, 1, 1))
    np.testing.assert_array_equal(nothing, np.ones((1, 1, 3)))


def test_thumbnails_are_squares_with_the_picture_in_their_middle() -> None:
    for height, width in ((7, 2), (2, 7), (7, 7)):
        squares = as_thumbnails(np.zeros((3, height, width, 3)))
        assert squares.shape == (3, 3, 7, 7)
        rows, columns = np.nonzero(squares[0, 0].numpy() == 0)
        assert (rows.min() + 6 - rows.max(), np.ptp(rows) + 1) in {(0, 7), (5, 2)}
        assert np.ptp(columns) + 1 == width
        assert squares.sum().item() == 3 * 3 * (49 - height * width)  # white around


@pytest.mark.parametrize(("count", "side"), [(9, 300), (10, 2500), (4000, 200)])
def test_the_sprite_stays_within_tensorboards_limit(count: int, side: int) -> None:
    pictures = np.full((count, side, 1, 1), 0.25)
    squares = as_thumbnails(pictures)
    in_a_row = int(np.ceil(np.sqrt(count)))
    assert squares.shape[-1] == squares.shape[-2] <= side
    assert squares.shape[-1] * in_a_row <= 8192
    assert squares.shape[-1] == side or (squares.shape[-1] + 1) * in_a_row > 8192
