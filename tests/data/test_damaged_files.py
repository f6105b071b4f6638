"""Files that cannot be read, are damaged, lie about their size or hold code."""

import io
import os
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from latentclust.data import build_datamodule, load_files, memory
from latentclust.data.table import load_table
from latentclust.errors import LatentclustError

GRAY = np.random.default_rng(0).integers(0, 256, (6, 4, 5), dtype=np.uint8)


@pytest.fixture
def save(tmp_path):
    def write(**arrays) -> Path:
        np.savez(tmp_path / "own.npz", **arrays)
        return tmp_path / "own.npz"

    return write


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
    with pytest.raises(LatentclustError, match=r"holds arrays of 5,960\.46 GiB.* give data\.in_memory=false"):
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
    monkeypatch.setattr(memory, "free_memory", lambda: free)
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
    what = "" if suffix == "npy" else "the array labels "
    path = tmp_path / f"own.{suffix}"
    with pytest.raises(LatentclustError, match=f"own.{suffix}: {what}holds Python objects, .* save numbers"):
        load_files(path)
    with pytest.raises(LatentclustError, match=f"own.{suffix}: {what}holds Python objects"):
        build_datamodule("files", path=str(path)).load()


def test_the_file_is_named_before_its_array_is_read(tmp_path):
    path = tmp_path / "own.npy"
    path.write_text("these are no vectors")
    with pytest.raises(LatentclustError, match=r"own\.npy: is no array that can be read"):
        build_datamodule("files", path=str(path)).load()


def test_other_data_than_arrays_are_told_where_they_belong(tmp_path):
    (tmp_path / "own.csv").write_text("a,b\n1,2\n")
    (tmp_path / "photos").mkdir()
    for name, message in (("own.csv", "give data=table"), ("photos", "or data=folder for a folder")):
        with pytest.raises(LatentclustError, match=f"{name}: .*{message}"):
            load_files(tmp_path / name)
    with pytest.raises(LatentclustError, match=r"own\.npy: .*, or data=files for arrays"):
        load_table(tmp_path / "own.npy")


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
