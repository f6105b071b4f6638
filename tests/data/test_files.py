from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
import torch

from latentclust.data import build_datamodule, checks, load_files, memory
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


VECTORS = RNG.normal(size=(6, 3))
NAN = np.where(GRAY > 200, np.nan, GRAY / 255)
HUGE = VECTORS * 1e300


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (
            {"pictures": GRAY, "photos": GRAY},
            "unknown arrays photos, pictures: known are images, x, labels, is_test, ids, feature_names",
        ),
        ({"labels": np.arange(6)}, "no array called images or x: add images"),
        ({"images": GRAY, "x": VECTORS}, "both images and x"),
        ({"images": GRAY[0]}, r"shape \(4, 5\)"),
        ({"images": GRAY[:0]}, "at least one image"),
        ({"images": np.moveaxis(COLOR, -1, 1)}, "channels last"),
        ({"images": GRAY.astype(str)}, "images are <U"),
        ({"images": NAN}, "images hold NaN: fill in the pixels"),
        ({"images": np.where(GRAY > 200, np.inf, GRAY)}, "images hold an infinite number"),
        ({"images": GRAY, "feature_names": np.array(["a"])}, "feature_names are for vectors"),
        ({"x": VECTORS[0]}, r"x has shape \(3,\): give vectors"),
        ({"x": VECTORS[:, :0]}, r"x has shape \(6, 0\)"),
        ({"x": VECTORS.astype(str)}, "x is <U32: give numbers"),
        ({"x": VECTORS.astype(complex)}, "x is complex128: give numbers"),
        ({"x": VECTORS.astype("datetime64[s]")}, r"x is datetime64\[s\]: give numbers"),
        ({"x": HUGE}, "the vectors x hold an infinite number, or one too large for 32 bits, first in row 0"),
        ({"x": np.where(np.arange(6)[:, None] < 4, VECTORS, -np.inf)}, "infinite number.*first in row 4"),
        ({"x": np.zeros((2, 300_000), np.uint8)}, "has 300,000 columns, and at most 100,000 are possible"),
        ({"x": VECTORS, "feature_names": np.array(["a", "b"])}, r"feature_names are <U1 of shape \(2,\)"),
        ({"images": GRAY, "labels": np.arange(5)}, r"labels are int64 of shape \(5,\).*\(6,\)"),
        ({"images": GRAY, "labels": np.arange(6) / 2}, "labels hold fractions"),
        ({"images": GRAY, "labels": np.array([1, 2, np.nan, 1, 2, np.nan])}, "2 of 6 labels are missing"),
        ({"images": GRAY, "labels": np.array(["a", "", " ", "b", "b", "a"])}, "2 of 6 labels are missing"),
        ({"images": GRAY, "ids": np.arange(6.0)}, "ids are float64"),
        (
            {"images": GRAY, "ids": np.array([1, 2, 3, 3, 4, 4])},
            "2 ids are there more than once",
        ),
        ({"images": GRAY, "ids": np.array(["a", "b", "c", "", "e", "f"])}, "an id is empty"),
        ({"images": GRAY, "is_test": np.arange(6)}, "is_test is int64"),
        ({"images": GRAY, "is_test": np.zeros(5, dtype=bool)}, r"is_test is bool of shape \(5,\)"),
        ({"images": GRAY, "is_test": np.ones(6, dtype=bool)}, "leave some False"),
        ({"images": np.array([None])}, "the array images holds Python objects"),
    ],
)
def test_wrong_arrays_are_explained(save, arrays, message):
    path = save(**arrays)
    with pytest.raises(LatentclustError, match=message) as caught:
        load_files(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["x", "arr_0", "embeddings"])
@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.int64, np.uint16, bool])
def test_vectors_of_any_numbers_come_as_float32(save, name, dtype):
    x = (VECTORS * 10).astype(dtype)
    source = load_files(save(**{name: x}, labels=np.arange(6) % 2))
    assert source.train.inputs.dtype == torch.float32
    np.testing.assert_array_equal(source.train.inputs.numpy(), x.astype(np.float32))
    assert source.train.labels is not None


def test_npy_holds_vectors(tmp_path):
    np.save(tmp_path / "own.npy", VECTORS)
    assert load_files(tmp_path / "own.npy").train.inputs.shape == (6, 3)


def test_missing_values_stay_nan_and_are_told(save):
    x = VECTORS.copy()
    x[0, 1] = x[2] = np.nan
    x[:, 0] = 7
    x[2, 0] = np.nan
    source = load_files(save(x=x, feature_names=np.array(["speed", "b", "c"])))
    np.testing.assert_array_equal(source.train.inputs.numpy(), x.astype(np.float32))
    assert source.feature_names == ("speed", "b", "c")
    first, second, third = source.notes
    assert first == "4 of 18 values are missing, in 2 rows: nothing is filled in for them"
    assert second.startswith("1 rows have no value at all")
    assert third == "1 columns have one value only and tell nothing: speed"
    x[:, 0], x[:, 2] = 7, np.nan
    assert load_files(save(x=x)).notes[1:] == (
        "1 columns have no value at all: 2",
        "1 columns have one value only and tell nothing: 0",
    )


@pytest.mark.parametrize("images", [GRAY.astype(np.int64), GRAY * 2.5 - 100, GRAY.astype(np.uint16) * 200])
def test_images_of_another_range_come_as_they_are(save, images):
    inputs = load_files(save(images=images)).train.inputs
    assert inputs.dtype == torch.float32
    np.testing.assert_array_equal(inputs[:, 0].numpy(), images.astype(np.float32))


def test_true_and_false_are_white_and_black(save):
    assert load_files(save(images=GRAY > 99)).train.inputs.unique().tolist() == [0, 255]


@pytest.mark.parametrize("name", ["x", "photos"])
def test_three_or_four_axes_are_images(save, name):
    assert load_files(save(**{name: COLOR})).train.inputs.shape == (6, 3, 4, 5)


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (np.array(["cat", "dog", "cat", "ape", "ape", "dog"]), ("ape", "cat", "dog")),
        (np.array([b"cat", b"dog", b"cat", b"ape", b"ape", b"dog"]), ("ape", "cat", "dog")),
        (np.array([3.0, 10, 3, -1, -1, 10]), ("-1", "3", "10")),
        (np.array([[3], [10], [3], [-1], [-1], [10]]), ("-1", "3", "10")),
    ],
)
def test_labels_may_be_text_or_whole_floats(save, labels, names):
    source = load_files(save(x=VECTORS, labels=labels))
    assert source.class_names == names
    assert source.train.labels is not None
    assert source.train.labels.tolist() == [1, 2, 1, 0, 0, 2]


def test_true_and_false_are_classes(save):
    assert load_files(save(x=VECTORS, labels=np.arange(6) > 2)).class_names == ("False", "True")


@pytest.mark.parametrize("ids", [np.array(["f", "e", "d", "c", "b", "a"]), np.array([9, 8, 7, 3, 2, 1])])
def test_ids_go_with_their_inputs(save, ids):
    mask = np.array([0, 1, 0, 0, 1, 0], dtype=bool)
    source = load_files(save(x=VECTORS, ids=ids, is_test=mask))
    assert source.train.ids == tuple(str(name) for name in ids[~mask])
    assert source.test is not None
    assert source.test.ids == tuple(str(name) for name in ids[mask])


@pytest.mark.parametrize("kind", ["csr", "csc", "coo", "bsr", "dia"])
@pytest.mark.parametrize("make", [scipy.sparse.csr_array, scipy.sparse.csr_matrix])
def test_sparse_matrices_are_made_dense(tmp_path, kind, make):
    matrix = make(np.where(GRAY[0] > 99, GRAY[0], 0).repeat(2, axis=1)).asformat(kind)
    scipy.sparse.save_npz(tmp_path / "own.npz", matrix)
    inputs = load_files(tmp_path / "own.npz").train.inputs
    np.testing.assert_array_equal(inputs.numpy(), matrix.toarray().astype(np.float32))


def test_sparse_matrix_that_is_too_large_in_full_is_refused(tmp_path, monkeypatch):
    scipy.sparse.save_npz(tmp_path / "wide.npz", scipy.sparse.csr_array((5, 300_000)))
    with pytest.raises(LatentclustError, match="has 300,000 columns"):
        load_files(tmp_path / "wide.npz")
    scipy.sparse.save_npz(tmp_path / "long.npz", scipy.sparse.coo_array((10**9, 90_000)))
    with pytest.raises(LatentclustError, match="a sparse matrix that is clustered in full"):
        load_files(tmp_path / "long.npz")


def test_sparse_matrix_with_indices_out_of_range_is_refused(tmp_path):
    matrix = scipy.sparse.csr_array(np.eye(4))
    matrix.indices = np.array([0, 1, 2, 10**6], dtype=np.int32)
    scipy.sparse.save_npz(tmp_path / "own.npz", matrix)
    with pytest.raises(LatentclustError, match=r"not a whole \.npz"):
        load_files(tmp_path / "own.npz")


def test_equal_rows_are_nothing_to_cluster(save):
    path = save(x=np.tile(np.array([[1.0, np.nan]]), (3000, 1)))
    assert len(load_files(path).train) == 3000  # to predict them is possible
    with pytest.raises(LatentclustError, match=r"own\.npz: all 3,000 rows are equal"):
        build_datamodule("files", path=str(path)).load()
    rows = np.zeros((3000, 2))
    rows[-1] = 1
    build_datamodule("files", path=str(save(x=rows))).load()


def test_columns_are_counted_before_their_memory(monkeypatch):
    monkeypatch.setattr(memory, "free_memory", lambda: 1)
    with pytest.raises(LatentclustError, match="columns"):
        checks.checked_vectors(np.zeros((1, 300_000), np.uint8))
