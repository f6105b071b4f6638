from pathlib import Path

import numpy as np
import pytest
import torch

from latentclust.data import load_files
from latentclust.errors import LatentclustError

RNG = np.random.default_rng(0)
GRAY = RNG.integers(0, 256, (6, 4, 5), dtype=np.uint8)
COLOR = RNG.integers(0, 256, (6, 4, 5, 3), dtype=np.uint8)


@pytest.fixture
def save(tmp_path):
    def write(**arrays) -> Path:
        np.savez(tmp_path / "own.npz", **arrays)
        return tmp_path / "own.npz"

    return write


def test_npy_holds_unlabeled_images(tmp_path):
    np.save(tmp_path / "own.npy", GRAY)
    source = load_files(str(tmp_path / "own.npy"))
    np.testing.assert_array_equal(source.train.images.numpy(), GRAY[:, None])
    assert source.train.labels is None
    assert source.test is None
    assert source.class_names == ()


def test_channels_come_to_the_front(save):
    images = load_files(save(images=COLOR)).train.images
    assert images.shape == (6, 3, 4, 5)
    assert images[2, 1, 3, 4] == COLOR[2, 3, 4, 1]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_gray_levels_survive_as_floats(save, dtype):
    levels = np.arange(256).reshape(1, 16, 16)
    source = load_files(save(images=(levels / 255).astype(dtype)))
    np.testing.assert_array_equal(source.train.images.numpy(), levels[None])


def test_floats_between_gray_levels_go_to_the_nearer_one(save):
    levels = np.array([0.4, 0.6, 253.4, 254.6])
    source = load_files(save(images=(levels / 255).reshape(1, 2, 2)))
    assert source.train.images.flatten().tolist() == [0, 1, 253, 255]


def test_labels_are_renumbered_and_keep_their_names(save):
    source = load_files(save(images=GRAY, labels=np.array([7, -2, 7, 40, -2, 7], dtype=np.int16)))
    assert source.train.labels is not None
    assert source.train.labels.dtype == torch.int64
    assert source.train.labels.tolist() == [1, 0, 1, 2, 0, 1]
    assert source.class_names == ("-2", "7", "40")


def test_mask_puts_images_into_the_test_split(save):
    mask = np.array([0, 1, 0, 0, 1, 0], dtype=bool)
    source = load_files(save(images=GRAY, labels=np.arange(6), is_test=mask))
    assert source.test is not None
    assert source.test.labels is not None
    np.testing.assert_array_equal(source.train.images[:, 0].numpy(), GRAY[~mask])
    np.testing.assert_array_equal(source.test.images[:, 0].numpy(), GRAY[mask])
    assert source.test.labels.tolist() == [1, 4]


def test_mask_without_any_test_image_means_no_test_split(save):
    assert load_files(save(images=GRAY, is_test=np.zeros(6, dtype=bool))).test is None


WITH_NAN = np.where(GRAY > 200, np.nan, GRAY / 255)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"pictures": GRAY}, "unknown arrays pictures: known are images, labels, is_test"),
        ({"labels": np.arange(6)}, "no array called images"),
        ({"images": GRAY[0]}, r"shape \(4, 5\)"),
        ({"images": GRAY[:0]}, "at least one image"),
        ({"images": np.moveaxis(COLOR, -1, 1)}, "channels last"),
        ({"images": GRAY.astype(np.int64)}, "images are int64: give uint8"),
        ({"images": GRAY.astype(np.float32)}, r"outside \[0, 1\] or NaN"),
        ({"images": GRAY / 255 - 0.5}, r"outside \[0, 1\] or NaN"),
        ({"images": WITH_NAN}, r"outside \[0, 1\] or NaN"),
        ({"images": GRAY, "labels": np.arange(5)}, r"labels are int64 of shape \(5,\).*\(6,\)"),
        ({"images": GRAY, "labels": np.arange(6.0)}, "labels are float64"),
        ({"images": GRAY, "is_test": np.arange(6)}, "is_test is int64"),
        ({"images": GRAY, "is_test": np.zeros(5, dtype=bool)}, r"is_test is bool of shape \(5,\)"),
        ({"images": GRAY, "is_test": np.ones(6, dtype=bool)}, "leave some False"),
        ({"images": np.array([None])}, "not a whole .npz or .npy file of plain numbers"),
    ],
)
def test_wrong_arrays_are_explained(save, arrays, message):
    path = save(**arrays)
    with pytest.raises(LatentclustError, match=message) as caught:
        load_files(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_missing_file_is_explained(tmp_path):
    with pytest.raises(LatentclustError, match=r"nowhere.npz: cannot be read \(No such file or directory\)"):
        load_files(tmp_path / "nowhere.npz")


@pytest.mark.parametrize("share", [0, 0.5, 0.9])
def test_truncated_file_is_explained(save, share):
    path = save(images=GRAY)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(LatentclustError, match=r"not a whole \.npz"):
        load_files(path)


def test_file_of_another_kind_is_explained(tmp_path):
    (tmp_path / "notes.npz").write_text("these are no images")
    with pytest.raises(LatentclustError, match=r"not a whole \.npz"):
        load_files(tmp_path / "notes.npz")
