"""The image distortion model against its formula in loops, and against images that were moved."""

import numpy as np
import pytest
import torch
from torch import Tensor

from latentclust.clustering import nearest_images
from tests.conftest import first_of


def by_hand(a: np.ndarray, b: np.ndarray, warp: int) -> float:
    """The distance of images ``(C, H, W)``, pixel by pixel."""

    def gradient(image: np.ndarray, y: int, x: int) -> np.ndarray:
        def at(y: int, x: int) -> np.ndarray:
            inside = 0 <= y < image.shape[1] and 0 <= x < image.shape[2]
            return image[:, y, x] if inside else np.zeros(len(image))

        if not (0 <= y < image.shape[1] and 0 <= x < image.shape[2]):
            return np.zeros(2 * len(image))
        weights = ((-1, 1), (0, 2), (1, 1))
        right = sum(w * (at(y + o, x + 1) - at(y + o, x - 1)) for o, w in weights) / 8
        down = sum(w * (at(y + 1, x + o) - at(y - 1, x + o)) for o, w in weights) / 8
        return np.concatenate([right, down])

    around = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1)]
    moves = [(y, x) for y in range(-warp, warp + 1) for x in range(-warp, warp + 1)]
    total = 0.0
    for y in range(a.shape[1]):
        for x in range(a.shape[2]):
            total += min(
                sum(
                    ((gradient(a, y + v, x + u) - gradient(b, y + v + down, x + u + right)) ** 2).sum()
                    for v, u in around
                )
                for down, right in moves
            )
    return float(np.sqrt(total))


@pytest.mark.parametrize(("warp", "channels"), first_of((1, 3), (0, 1), (1, 1), (2, 1)))
def test_distances_are_the_formula(warp: int, channels: int) -> None:
    images = torch.from_numpy(
        np.random.default_rng(warp).integers(0, 256, (4, channels, 13, 4), dtype=np.uint8)
    )
    found = nearest_images(images, 4, warp=warp, candidates=4)
    a = images.double().numpy()
    true = np.array([[by_hand(one, other, warp) for other in a] for one in a])
    np.testing.assert_allclose(found.distances, np.sort(true, axis=1), rtol=1e-5)
    assert (found.indices == np.argsort(true, axis=1)).all()


def moved(images: Tensor, down: int, right: int) -> Tensor:
    return images.roll((down, right), dims=(2, 3))


@pytest.fixture
def blots() -> Tensor:
    """Forty random 5 x 5 pictures within a margin of 5 pixels."""
    images = torch.zeros(40, 1, 15, 15)
    images[:, :, 5:10, 5:10] = torch.rand(40, 1, 5, 5, generator=torch.Generator().manual_seed(0))
    return images


def test_what_moved_no_farther_is_the_same(blots: Tensor) -> None:
    both = torch.cat([blots, moved(blots, 2, -1)])
    found = nearest_images(both, 2, warp=2, candidates=80)
    partner = (np.arange(80) + 40) % 80
    assert (np.sort(found.indices, axis=1) == np.sort(np.stack([np.arange(80), partner], 1), axis=1)).all()
    np.testing.assert_allclose(found.distances, 0, atol=1e-6)
    too_far = nearest_images(both, 2, warp=1, candidates=80)
    assert (too_far.distances[:, 1] > 0.1).all()


def test_only_candidates_are_neighbors(blots: Tensor) -> None:
    """A copy three pixels away is as good as the image, but its pixels are far from the image's."""
    both = torch.cat([blots, moved(blots, 3, 3)])
    few, all_of_them = (nearest_images(both, 2, warp=3, candidates=m).indices for m in (4, 80))
    partner = (np.arange(80) + 40) % 80
    assert (all_of_them == partner[:, None]).any(axis=1).all()
    assert (few == partner[:, None]).any(axis=1).mean() < 0.5


def test_large_images_are_shrunk() -> None:
    images = torch.rand(30, 1, 32, 24, generator=torch.Generator().manual_seed(0))
    large = images.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    small, shrunk = nearest_images(images, 5), nearest_images(large, 5)
    assert (small.indices == shrunk.indices).all()
    np.testing.assert_allclose(shrunk.distances, small.distances, rtol=1e-4)


def test_small_images_are_enlarged() -> None:
    images = torch.rand(30, 1, 8, 12, generator=torch.Generator().manual_seed(0))
    large = torch.nn.functional.interpolate(images, scale_factor=2, mode="bilinear")
    small, enlarged = nearest_images(images, 30, candidates=30), nearest_images(large, 30, candidates=30)
    assert (small.indices == enlarged.indices).all()
    np.testing.assert_allclose(small.distances, enlarged.distances)


def test_any_number_of_threads_finds_the_same() -> None:
    images = torch.rand(1100, 1, 8, 8, generator=torch.Generator().manual_seed(0))  # in three chunks
    threads = torch.get_num_threads()
    found = []
    try:
        for number in (1, 3):
            torch.set_num_threads(number)
            found.append(nearest_images(images, 6))
    finally:
        torch.set_num_threads(threads)
    assert (found[0].indices == found[1].indices).all()
    assert (found[0].distances == found[1].distances).all()


def test_as_many_neighbors_as_images() -> None:
    images = torch.rand(7, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    assert (np.sort(nearest_images(images, 7).indices, axis=1) == np.arange(7)).all()
