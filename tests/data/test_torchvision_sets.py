"""Sets that torchvision knows, from small files in the format of each; the checksums are made to fit."""

import bz2
import gzip
import hashlib
import pickle
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from torchvision import datasets

from latentclust.data import build_datamodule
from latentclust.data.torchvision_sets import SETS, load_torchvision
from latentclust.errors import LatentclustError

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def unreachable(monkeypatch):
    """No server answers."""

    def refuse(*_args, **_options):
        raise OSError("<urlopen error unreachable>")

    monkeypatch.setattr("urllib.request.urlopen", refuse)


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


def idx(array: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, array.ndim]) + b"".join(side.to_bytes(4, "big") for side in array.shape)
    return header + array.tobytes()


def gray(n: int, side: int = 28) -> np.ndarray:
    return RNG.integers(0, 256, (n, side, side), dtype=np.uint8)


@pytest.mark.parametrize("name", ["KMNIST", "EMNIST"])
def test_relatives_of_mnist(tmp_path, name):
    folder = tmp_path / name / "raw"
    folder.mkdir(parents=True)
    images = {"train": gray(5), "test": gray(3)}
    for part, array in images.items():
        file = {"train": "train", "test": "t10k"}[part] if name == "KMNIST" else f"emnist-balanced-{part}"
        (folder / f"{file}-images-idx3-ubyte").write_bytes(idx(array))
        (folder / f"{file}-labels-idx1-ubyte").write_bytes(idx(np.arange(len(array), dtype=np.uint8)))
    source = load_torchvision(name, tmp_path)
    assert source.test is not None
    upright = images["test"].transpose(0, 2, 1) if name == "EMNIST" else images["test"]
    np.testing.assert_array_equal(source.test.inputs[:, 0].numpy(), upright)
    assert source.train.labels is not None
    assert source.train.labels.tolist() == [0, 1, 2, 3, 4]
    assert len(source.class_names) == {"KMNIST": 10, "EMNIST": 47}[name]


def test_usps(tmp_path):
    for file, n in (("usps.bz2", 4), ("usps.t.bz2", 3)):
        rows = [f"{i + 1} " + " ".join(f"{k}:{-1 + i / 2}" for k in range(1, 257)) for i in range(n)]
        (tmp_path / file).write_bytes(bz2.compress("\n".join(rows).encode()))
    source = load_torchvision("USPS", tmp_path)
    assert source.train.inputs.shape == (4, 1, 16, 16)
    assert source.train.inputs[:, 0, 0, 0].tolist() == [0, 63, 127, 191]
    assert source.train.labels is not None
    assert source.train.labels.tolist() == [0, 1, 2, 3]
    assert source.class_names == tuple("0123456789")


def test_cifar10(tmp_path, monkeypatch):
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()

    def put(name: str, content: dict) -> list[str]:
        (folder / name).write_bytes(pickle.dumps(content))
        return [name, md5(folder / name)]

    rows = RNG.integers(0, 256, (2, 3072), dtype=np.uint8)
    train = [put(f"data_batch_{i}", {"data": rows, "labels": [i, 0]}) for i in range(2)]
    test = [put("test_batch", {"data": rows, "labels": [3, 1]})]
    (meta,) = [put("batches.meta", {"label_names": list("abcd")})]
    monkeypatch.setattr(datasets.CIFAR10, "train_list", train)
    monkeypatch.setattr(datasets.CIFAR10, "test_list", test)
    monkeypatch.setattr(datasets.CIFAR10, "meta", {"filename": meta[0], "key": "label_names", "md5": meta[1]})
    source = load_torchvision("CIFAR10", tmp_path)
    np.testing.assert_array_equal(source.train.inputs[:2].numpy(), rows.reshape(2, 3, 32, 32))
    assert source.train.labels is not None
    assert source.train.labels.tolist() == [0, 0, 1, 0]
    assert source.class_names == ("a", "b", "c", "d")
    (folder / "test_batch").write_bytes(b"another's pickle")
    with pytest.raises(LatentclustError, match=r"CIFAR10 is not under .* cannot be downloaded"):
        load_torchvision("CIFAR10", tmp_path)


def test_stl10(tmp_path, monkeypatch):
    folder = tmp_path / "stl10_binary"
    folder.mkdir()
    images = RNG.integers(0, 256, (2, 3, 96, 96), dtype=np.uint8)
    for part in ("train", "test"):
        (folder / f"{part}_X.bin").write_bytes(images.transpose(0, 1, 3, 2).tobytes())
        (folder / f"{part}_y.bin").write_bytes(bytes([1, 10]))
        names = (f"{part}_X.bin", f"{part}_y.bin")
        monkeypatch.setattr(datasets.STL10, f"{part}_list", [[name, md5(folder / name)] for name in names])
    source = load_torchvision("STL10", tmp_path)
    np.testing.assert_array_equal(source.train.inputs.numpy(), images)
    assert source.train.labels is not None
    assert source.train.labels.tolist() == [0, 9]
    assert source.class_names[9] == "truck"


def test_svhn(tmp_path, monkeypatch):
    images = RNG.integers(0, 256, (3, 3, 32, 32), dtype=np.uint8)
    known = {}
    for part in ("train", "test"):
        path = tmp_path / f"{part}_32x32.mat"
        scipy.io.savemat(path, {"X": images.transpose(2, 3, 1, 0), "y": np.array([[10], [1], [2]], np.uint8)})
        known[part] = ["http://nowhere", path.name, md5(path)]
    monkeypatch.setattr(datasets.SVHN, "split_list", known)
    source = load_torchvision("SVHN", tmp_path)
    np.testing.assert_array_equal(source.train.inputs.numpy(), images)
    assert source.train.labels is not None
    assert source.train.labels.tolist() == [0, 1, 2]


@pytest.mark.parametrize("name", SETS)
def test_what_is_neither_there_nor_to_be_had_is_one_line(tmp_path, name):
    with pytest.raises(LatentclustError, match=rf"^{name} is not under .* torchvision's") as caught:
        load_torchvision(name, tmp_path / "data")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


def test_half_a_file_is_one_line(tmp_path):
    (tmp_path / "usps.bz2").write_bytes(bz2.compress(b"1 1:0\n" * 100)[:20])
    with pytest.raises(LatentclustError, match="USPS is not under"):
        load_torchvision("USPS", tmp_path)


def test_root_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_bytes(gzip.compress(b""))
    with pytest.raises(LatentclustError, match="KMNIST is not under"):
        load_torchvision("KMNIST", tmp_path / "file")


def test_torchvision_datamodule(tmp_path):
    data = build_datamodule("torchvision", dataset="USPS", root=str(tmp_path))
    with pytest.raises(LatentclustError, match="USPS is not under"):
        data.setup()
