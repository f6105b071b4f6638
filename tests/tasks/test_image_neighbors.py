"""Neighbors among images are searched once for each set of images and each way of searching."""

from pathlib import Path

import numpy as np
import pytest
import torch

from latentclust.clustering import nearest_images
from latentclust.data import DigitsDataModule
from latentclust.runs.image_neighbors import image_neighbors
from latentclust.settings.init import Manifold


@pytest.fixture
def init() -> Manifold:
    return Manifold(warp=1, candidates=10, cache=True)


def digits(limit: int = 30) -> DigitsDataModule:
    data = DigitsDataModule(limit=limit, batch_size=10)
    data.setup()
    return data


def kept(folder: Path) -> int:
    return len(list(folder.glob("cache/neighbors-*.npz")))


def test_what_is_kept_is_what_was_found(init: Manifold, tmp_path: Path) -> None:
    data = digits()
    true = nearest_images(data.pool.inputs, 4, warp=1, candidates=10)
    for _ in range(2):
        found = image_neighbors(init, tmp_path, data, data.pool.inputs, 4)
        np.testing.assert_array_equal(found.indices, true.indices)
        np.testing.assert_array_equal(found.distances, true.distances)
        assert (found.indices.dtype, kept(tmp_path)) == (true.indices.dtype, 1)


def test_another_search_is_kept_beside_it(init: Manifold, tmp_path: Path) -> None:
    data = digits()
    image_neighbors(init, tmp_path, data, data.pool.inputs, 4)
    assert image_neighbors(init, tmp_path, data, data.pool.inputs, 6).indices.shape == (30, 6)
    other = digits(40)
    assert image_neighbors(init, tmp_path, other, other.pool.inputs, 4).indices.shape == (40, 4)
    for key, value in (("warp", 2), ("candidates", 20)):
        image_neighbors(init.model_copy(update={key: value}), tmp_path, data, data.pool.inputs, 4)
    assert kept(tmp_path) == 5


def test_another_number_of_threads_searches_again(
    init: Manifold, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = digits()
    for threads in (1, 2):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        image_neighbors(init, tmp_path, data, data.pool.inputs, 4)
    assert kept(tmp_path) == 2


def test_nothing_is_kept_where_that_is_not_wanted(init: Manifold, tmp_path: Path) -> None:
    data = digits()
    image_neighbors(init.model_copy(update={"cache": False}), tmp_path, data, data.pool.inputs, 4)
    assert kept(tmp_path) == 0
