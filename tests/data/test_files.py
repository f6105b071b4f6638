import io
import os
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from latentclust.data import files, load_files
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
    np.testing.assert_array_equal(source.train.inputs.numpy(), GRAY[:, None])
    assert source.train.labels is None
    assert source.test is None
    assert source.class_names == ()


def test_channels_come_to_the_front(save):
    images = load_files(save(images=COLOR)).train.inputs
    assert images.shape == (6, 3, 4, 5)
    assert images[2, 1, 3, 4] == COLOR[2, 3, 4, 1]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_gray_levels_survive_as_floats(save, dtype):
    levels = np.arange(256).reshape(1, 16, 16)
    source = load_files(save(images=(levels / 255).astype(dtype)))
    np.testing.assert_array_equal(source.train.inputs.numpy(), levels[None])


def test_floats_between_gray_levels_go_to_the_nearer_one(save):
    levels = np.array([0.4, 0.6, 253.4, 254.6])
    source = load_files(save(images=(levels / 255).reshape(1, 2, 2)))
    assert source.train.inputs.flatten().tolist() == [0, 1, 253, 255]


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
    np.testing.assert_array_equal(source.train.inputs[:, 0].numpy(), GRAY[~mask])
    np.testing.assert_array_equal(source.test.inputs[:, 0].numpy(), GRAY[mask])
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


def header(shape: tuple[int, ...], dtype: str = "|u1") -> bytes:
    """The first bytes of an .npy file that says it holds such an array."""
    start = io.BytesIO()
    np.lib.format.write_array_header_1_0(start, {"descr": dtype, "fortran_order": False, "shape": shape})
    return start.getvalue()


@pytest.mark.parametrize("shape", [(10**10, 640), (10**30, 1, 1)])
def test_header_that_claims_more_than_the_file_has_is_no_whole_file(tmp_path, shape):
    (tmp_path / "own.npy").write_bytes(header(shape) + bytes(1000))
    with pytest.raises(LatentclustError, match=r"not a whole \.npz"):
        load_files(tmp_path / "own.npy")


def test_file_larger_than_memory_is_refused_before_it_is_read(tmp_path):
    start = header((10**10, 8, 80))
    (tmp_path / "own.npy").write_bytes(start)
    os.truncate(tmp_path / "own.npy", len(start) + 6400 * 10**9)  # a hole, which takes no room on the disk
    with pytest.raises(
        LatentclustError, match=r"holds arrays of 5,960\.46 GiB.* give fewer or smaller images"
    ):
        load_files(tmp_path / "own.npy")


def test_archive_that_declares_more_than_memory_is_refused(tmp_path):
    with ZipFile(tmp_path / "own.npz", "w", allowZip64=True) as archive:
        archive.writestr("images.npy", header((2**34, 64, 20)))
        archive.filelist[0].file_size = 20 * 2**40  # what the archive's table says
    with pytest.raises(LatentclustError, match=r"holds arrays of 20,480\.00 GiB"):
        load_files(tmp_path / "own.npz")


@pytest.mark.parametrize(("free", "fits"), [(2**20, False), (8 * 2**20 + 4096, True)])
def test_archive_that_inflates_to_more_than_memory_is_refused(tmp_path, monkeypatch, free, fits):
    with ZipFile(tmp_path / "own.npz", "w", ZIP_DEFLATED) as archive:
        archive.writestr("images.npy", header((4096, 32, 32)) + bytes(4 * 2**20))
    assert (tmp_path / "own.npz").stat().st_size < 10_000
    monkeypatch.setattr(files, "_free_memory", lambda: free)
    if fits:
        assert load_files(tmp_path / "own.npz").train.inputs.shape == (4096, 1, 32, 32)
    else:
        monkeypatch.setattr(np.lib.format, "read_array", lambda *_, **__: pytest.fail("inflated it"))
        with pytest.raises(LatentclustError, match=r"holds arrays of 0\.00 GiB, and 2 times"):
            load_files(tmp_path / "own.npz")


def test_memory_that_runs_out_all_the_same_is_explained(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise MemoryError

    np.save(tmp_path / "own.npy", GRAY)
    monkeypatch.setattr(np.lib.format, "read_array", fail)
    with pytest.raises(LatentclustError, match="does not fit into the memory that is free"):
        load_files(tmp_path / "own.npy")


@pytest.mark.parametrize("kind", ["pipe", "folder"])
def test_what_is_not_a_regular_file_is_refused_at_once(tmp_path, kind):
    (os.mkfifo if kind == "pipe" else os.mkdir)(tmp_path / "own.npz")
    with pytest.raises(LatentclustError, match="is not a regular file"):
        load_files(tmp_path / "own.npz")


class Trap:
    """Says so if it is unpickled."""

    def __reduce__(self):
        return pytest.fail, ("unpickled",)


@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_objects_are_never_unpickled(tmp_path, suffix):
    objects = np.array([Trap()], dtype=object)
    if suffix == "npy":
        np.save(tmp_path / "own.npy", objects, allow_pickle=True)
    else:
        np.savez(tmp_path / "own.npz", images=GRAY, labels=objects)
    with pytest.raises(LatentclustError, match=r"not a whole \.npz or \.npy file of plain numbers"):
        load_files(tmp_path / f"own.{suffix}")


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.booleans(), st.lists(st.tuples(st.integers(0, 599), st.integers(0, 255)), min_size=1, max_size=4))
@example(True, [(6, 1)])  # the archive says that it is encrypted
def test_damaged_bytes_are_explained_or_read_and_nothing_else(tmp_path, archive, changes):
    path = tmp_path / "own"
    with path.open("wb") as file:
        np.savez_compressed(file, images=GRAY, labels=np.arange(6)) if archive else np.save(file, GRAY)
    content = bytearray(path.read_bytes())
    for place, value in changes:
        content[place % len(content)] = value
    path.write_bytes(content)
    message = ""
    try:
        load_files(path)
    except LatentclustError as error:
        message = str(error)
    assert message.removeprefix(str(path)).isprintable()
