"""New inputs mean what the model's own did, whatever file they come in."""

from pathlib import Path

import numpy as np
import pytest
import torch

from latentclust.data import build_datamodule
from latentclust.data.description import Description
from latentclust.data.incoming import open_inputs
from latentclust.errors import LatentclustError

RNG = np.random.default_rng(0)
LEVELS = RNG.integers(0, 17, (9, 4, 4))  # as in scikit-learn's digits
LEVELS[0, 0, :2] = 0, 16
DARK = np.minimum(LEVELS, 1)


def fitted(folder: Path, images: np.ndarray) -> Description:
    np.savez(folder / "own.npz", images=images)
    data = build_datamodule("files", path=str(folder / "own.npz"))
    data.setup()
    return data.description


def prepared(path: Path, takes: Description) -> np.ndarray:
    """What the network gets of new inputs, in 0..255."""
    x = takes.preprocess(open_inputs(path, takes).read(slice(None)))
    return np.asarray(x if x.dtype == torch.uint8 else x * 255)[:, 0]


@pytest.mark.parametrize("new", [LEVELS, DARK, LEVELS[:1] * 0])
@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32, np.float64])
@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_the_range_of_the_models_own_images_decides(tmp_path, new, dtype, suffix):
    takes = fitted(tmp_path, LEVELS.astype(np.float64))
    np.save(tmp_path / "new.npy", new.astype(dtype))
    np.savez(tmp_path / "new.npz", images=new.astype(dtype))
    np.testing.assert_array_equal(prepared(tmp_path / f"new.{suffix}", takes), (new * 255 / 16).round())


@pytest.mark.parametrize("suffix", ["npy", "npz"])
@pytest.mark.parametrize("floats", [LEVELS * 15 / 255, DARK / 255])
def test_floats_in_0_to_1_are_8_bits_to_a_model_of_8_bits(tmp_path, suffix, floats):
    takes = fitted(tmp_path, (LEVELS * 15).astype(np.uint8))
    np.save(tmp_path / "new.npy", floats)
    np.savez(tmp_path / "new.npz", x=floats)
    np.testing.assert_array_equal(prepared(tmp_path / f"new.{suffix}", takes), (floats * 255).round())


@pytest.mark.parametrize(
    ("own", "new", "message"),
    [
        (LEVELS / 1.0, LEVELS / 16, "of 0 to 1, and those that this model was fitted to are of 0 to 16"),
        (LEVELS * 15.0, LEVELS / 8 - 1, "of -1 to 1, and those"),
        (LEVELS / 1.0, (LEVELS * 15).astype(np.uint8), "of 0 to 240, and those"),
        (LEVELS / 8 - 1, (LEVELS * 15).astype(np.uint8), "are of -1 to 1: give them on the same scale"),
        ((LEVELS * 15).astype(np.uint8), LEVELS, r"floats outside \[0, 1\].* give uint8"),
    ],
)
@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_images_on_another_scale_are_refused(tmp_path, own, new, message, suffix):
    takes = fitted(tmp_path, own)
    np.save(tmp_path / "new.npy", new)
    np.savez(tmp_path / "new.npz", images=new)
    path = tmp_path / f"new.{suffix}"
    with pytest.raises(LatentclustError, match=message) as caught:
        prepared(path, takes)
    assert str(caught.value).startswith(f"input: '{path}' holds ")


def test_images_a_little_outside_of_the_range_become_its_ends(tmp_path):
    takes = fitted(tmp_path, LEVELS / 1.0)
    np.save(tmp_path / "new.npy", LEVELS * 1.5 - 2)
    expected = ((LEVELS * 1.5 - 2) / 16).clip(0, 1) * 255
    np.testing.assert_array_equal(prepared(tmp_path / "new.npy", takes), expected.astype(np.float32).round())


@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_small_color_images_have_their_channels_last(tmp_path, suffix):
    color = RNG.integers(0, 256, (6, 3, 3, 3), dtype=np.uint8)
    takes = fitted(tmp_path, color)
    np.save(tmp_path / "new.npy", color)
    np.savez(tmp_path / "new.npz", images=color)
    np.testing.assert_array_equal(prepared(tmp_path / f"new.{suffix}", takes), color[..., 0])


def test_numbers_too_large_for_32_bits_are_told(tmp_path):
    takes = fitted(tmp_path, LEVELS / 1.0)
    np.save(tmp_path / "new.npy", LEVELS * 1e300)
    with pytest.raises(LatentclustError, match="holds infinite values"):
        prepared(tmp_path / "new.npy", takes)
