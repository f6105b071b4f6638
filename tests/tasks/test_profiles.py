"""A vector is drawn as its profile."""

import numpy as np
import torch

from latentclust.gallery.pictures import BARS, PROFILE, Painter, as_profiles

DARK = 0.5


def bars(picture: np.ndarray) -> list[tuple[int, int]]:
    """Pixels above and below the middle line, of the first column of each bar."""
    dark = picture[..., 0] < DARK
    columns = [column for column in dark.T if column.any()]
    return [(int(c[: PROFILE // 2].sum()), int(c[PROFILE // 2 :].sum())) for c in columns]


def test_bars_have_the_lengths_of_the_numbers() -> None:
    picture = as_profiles(torch.tensor([1.0, -0.5, torch.nan, 9.0]), 1.0)
    width = PROFILE // 4
    assert picture.shape == (PROFILE, 4 * width + 4, 1)
    assert bars(picture)[:: width - 1] == [(16, 0), (0, 8), (16, 0)]  # NaN has none, 9 is cut off


def test_many_numbers_share_bars() -> None:
    vectors = torch.ones(2, 3, 1000)
    pictures = as_profiles(vectors, 2.0)
    assert pictures.shape[:3] == (2, 3, PROFILE)
    assert bars(pictures[1, 2]) == [(8, 0)] * BARS


def test_the_scale_is_that_of_nearly_all_numbers() -> None:
    vectors = torch.ones(1000, 4)
    vectors[0, 0], vectors[1, 1] = 1e6, torch.nan
    paint = Painter.of(vectors)
    assert paint.limit == 1.0
    assert paint.noun == "vectors"
    images = torch.rand(3, 1, 4, 5)
    assert Painter.of(images).noun == "images"
    np.testing.assert_allclose(Painter.of(images)(images)[..., 0], images[:, 0].numpy())
