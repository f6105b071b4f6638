"""Augmentation against torchvision's, one image at a time."""

from math import atan, cos, pi, sin

import numpy as np
import pytest
import scipy.linalg
import torch
import torch.nn.functional as F
import torchvision.transforms.functional as reference
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torchvision.transforms import InterpolationMode

from latentclust.data import Batch, DigitsDataModule
from latentclust.data.augment import Augmentation, augment, warp


def images(shape: tuple[int, ...]) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


@given(
    degrees=st.floats(-180, 180),
    right=st.integers(-4, 4),
    down=st.integers(-4, 4),
    scale=st.floats(0.5, 2),
    slant=st.floats(-0.5, 0.5),
    size=st.sampled_from([(28, 28), (8, 13)]),
)
def test_warp_is_torchvisions_affine(
    degrees: float, right: int, down: int, scale: float, slant: float, size: tuple[int, int]
) -> None:
    x = images((1, 3, *size))
    angle = degrees * pi / 180
    rotation = torch.tensor([[cos(angle), sin(angle)], [-sin(angle), cos(angle)]])
    matrix = scale * rotation @ torch.tensor([[1.0, slant], [0.0, 1.0]])
    expected = reference.affine(
        x,
        angle=-degrees,  # torchvision turns clockwise
        translate=[right, down],
        scale=scale,
        shear=[-degrees_of(slant), 0.0],  # and slants to the other side
        interpolation=InterpolationMode.BILINEAR,
    )
    actual = warp(x, matrix[None], torch.tensor([[float(right), float(down)]]))
    torch.testing.assert_close(actual, expected, rtol=0, atol=2e-4)


@pytest.mark.parametrize("size", [(28, 28), (8, 13)])
def test_the_inverse_in_closed_form_is_the_one_of_linear_algebra(size: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(0)
    x = images((200, 1, *size)).double()
    matrices = torch.eye(2).double() + 0.4 * (torch.rand(200, 2, 2, generator=generator).double() - 0.5)
    shifts = 4 * torch.rand(200, 2, generator=generator).double() - 2
    inverse = torch.from_numpy(np.stack([scipy.linalg.inv(matrix) for matrix in matrices.numpy()]))
    torch.testing.assert_close(inverse, torch.linalg.inv(matrices), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(warp(x, matrices, shifts), by_inverse(x, inverse, shifts), rtol=0, atol=1e-12)


def by_inverse(x: Tensor, inverse: Tensor, shifts: Tensor) -> Tensor:
    """Sample each image where the inverse of its map says."""
    unit = torch.tensor([x.shape[3] / 2, x.shape[2] / 2], dtype=x.dtype)
    theta = torch.cat([inverse * unit, -(inverse @ shifts[:, :, None])], dim=2) / unit[:, None]
    grid = F.affine_grid(theta, list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, align_corners=False)


def test_a_seed_draws_the_changes_that_it_always_drew() -> None:
    x, largest = images((64, 1, 28, 28)), Augmentation(degrees=10, pixels=2, scale=0.1, shear=0.2)
    torch.manual_seed(3)
    angle, slant, wider, taller, right, down = torch.rand(6, 64) * 2 - 1
    rotations = [[[cos(a), sin(a)], [-sin(a), cos(a)]] for a in (angle * 10 * pi / 180).tolist()]
    slants = [[[1.0, s], [0.0, 1.0]] for s in (slant * 0.2).tolist()]
    scales = torch.diag_embed(1 + 0.1 * torch.stack([wider, taller], dim=1))
    matrices = torch.tensor(rotations) @ torch.tensor(slants) @ scales
    expected = by_inverse(x, torch.linalg.inv(matrices), 2 * torch.stack([right, down], dim=1))
    torch.manual_seed(3)
    # A pixel is 1/14 of half the width; rounding of the coordinates by 1e-7 moves a value by 1e-6 and some.
    torch.testing.assert_close(augment(x, largest), expected, rtol=0, atol=1e-5)


def degrees_of(slant: float) -> float:
    return atan(slant) * 180 / pi


def test_a_whole_pixel_shift_moves_pixels() -> None:
    x = images((2, 1, 6, 5))
    moved = warp(x, torch.eye(2).expand(2, 2, 2), torch.tensor([[1.0, 0.0], [0.0, -2.0]]))
    torch.testing.assert_close(moved[0, :, :, 1:], x[0, :, :, :-1])
    assert torch.count_nonzero(moved[0, :, :, 0].abs() > 1e-5) == 0
    torch.testing.assert_close(moved[1, :, :-2], x[1, :, 2:])


def test_each_image_has_its_own_change_within_the_limits() -> None:
    torch.manual_seed(0)
    for shift in center_of_light(augment(one_bright_pixel(10, 10), Augmentation(pixels=3))):
        assert shift.abs().max() <= 3 + 1e-4
        assert shift.min() < -2.8
        assert shift.max() > 2.8
        assert abs(shift.mean().item()) < 4 * 3 / 3**0.5 / 500**0.5
        assert len(shift.unique()) > 450
    right, down = center_of_light(augment(one_bright_pixel(10, 18), Augmentation(degrees=30)))
    angle = torch.atan2(-down, right) * 180 / pi
    assert angle.abs().max() <= 30 + 2  # the pixel spreads over its neighbors
    assert angle.min() < -27
    assert angle.max() > 27
    assert abs(angle.mean().item()) < 4 * 30 / 3**0.5 / 500**0.5
    right, down = center_of_light(augment(one_bright_pixel(2, 18), Augmentation(scale=0.1)))
    for extent in (right / 8, -down / 8):
        assert 0.9 - 0.01 <= extent.min() < 0.91
        assert 1.09 < extent.max() <= 1.1 + 0.01
    assert abs(torch.corrcoef(torch.stack([right, down]))[0, 1]) < 0.2  # each axis by itself
    right, down = center_of_light(augment(one_bright_pixel(2, 10), Augmentation(shear=0.25)))
    assert down.sub(-8).abs().max() < 0.01
    assert -2 - 0.05 <= right.min() < -1.9
    assert 1.9 < right.max() <= 2 + 0.05


def one_bright_pixel(row: int, column: int) -> Tensor:
    x = torch.zeros(500, 1, 21, 21)
    x[:, :, row, column] = 1
    return x


def center_of_light(x: Tensor) -> tuple[Tensor, Tensor]:
    """To the right of the middle, and down from it."""
    light, position = x.squeeze(1) / x.sum(dim=(1, 2, 3))[:, None, None], torch.arange(21.0) - 10
    return (light.sum(dim=1) * position).sum(dim=1), (light.sum(dim=2) * position).sum(dim=1)


def test_nothing_happens_without_limits() -> None:
    x = images((2, 1, 4, 4))
    assert augment(x, Augmentation()) is x


@pytest.mark.parametrize("training", [True, False])
def test_only_training_batches_are_augmented(training: bool) -> None:
    data = DigitsDataModule(augmentation=Augmentation(degrees=10, pixels=2))
    data.setup()

    class Trainer:
        pass

    trainer = Trainer()
    trainer.training = training  # type: ignore[attr-defined]
    data.trainer = trainer  # type: ignore[assignment]
    batch = Batch(data.pool.inputs[:20], torch.arange(20), None)
    assert torch.equal(data.on_after_batch_transfer(batch, 0).x, batch.x.float() / 255) is not training
