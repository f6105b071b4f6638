from pathlib import Path

import numpy as np
import pytest

from latentclust.data import (
    DigitsDataModule,
    FashionMNISTDataModule,
    FilesDataModule,
    MNISTDataModule,
    Source,
    build_datamodule,
    datasets,
    load_digits,
)
from latentclust.errors import LatentclustError


def test_files_datamodule(tmp_path):
    np.savez(tmp_path / "own.npz", images=np.zeros((9, 5, 4, 3), dtype=np.uint8))
    data = build_datamodule("files", path=str(tmp_path / "own.npz"), batch_size=4)
    data.setup()
    assert isinstance(data, FilesDataModule)
    assert data.input_shape == (3, 5, 4)


def test_digits_datamodule():
    data = build_datamodule("digits", batch_size=100, limit=500)
    data.setup()
    assert isinstance(data, DigitsDataModule)
    assert data.test is not None
    assert (len(data.pool), len(data.test)) == (500, 100)
    assert data.n_classes == 10


@pytest.mark.parametrize(
    ("name", "kind", "loader"),
    [
        ("mnist", MNISTDataModule, "load_mnist"),
        ("fashion_mnist", FashionMNISTDataModule, "load_fashion_mnist"),
    ],
)
def test_downloaded_datasets_are_kept_under_root(name, kind, loader, tmp_path, monkeypatch):
    roots = []

    def load(root: Path) -> Source:
        roots.append(root)
        return load_digits()

    monkeypatch.setattr(datasets, loader, load)
    data = build_datamodule(name, root=str(tmp_path), batch_size=2)
    data.setup()
    assert isinstance(data, kind)
    assert roots == [tmp_path]
    assert len(data.pool) == 1797


def test_unknown_name_is_explained():
    with pytest.raises(LatentclustError, match="data=cifar is unknown: choose one of mnist, fashion_mnist, "):
        build_datamodule("cifar")
