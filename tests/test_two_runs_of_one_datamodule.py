"""A data module that is used for several runs has each run's augmentation and preprocessing."""

from typing import Any

import numpy as np
import pytest
import torch

from latentclust.data import ArrayDataModule, Augmentation, DataModule, DigitsDataModule
from latentclust.engine.stages import prepare
from latentclust.errors import LatentclustError
from latentclust.runs.run import Run
from latentclust.settings import Settings, settings_for

ROWS = np.random.default_rng(0).normal(3, 5, (200, 4)).astype(np.float32)


def prepared(data: DataModule, **changes: Any) -> Settings:
    settings = settings_for("ae", {"name": "files", "path": "an array"}, **changes)
    return prepare(data, settings, Run())[1]


def changes_images(data: DataModule) -> bool:
    images = data.pool.inputs
    return not torch.equal(data.change(images), images.float() / 255)


def test_each_run_has_its_own_augmentation() -> None:
    data = DigitsDataModule(limit=60)
    for augment, changed in (("affine", True), ("none", False), ("shift", True), ("none", False)):
        settings = prepared(data, augment=augment)
        assert changes_images(data) == changed
        assert tuple(data.augmentation) == tuple(settings.augment.model_dump().values())


def test_an_augmentation_of_ones_own_stays() -> None:
    own = Augmentation(pixels=3.0)
    data = DigitsDataModule(limit=60, augmentation=own)
    for augment in ("none", "affine"):
        prepared(data, augment=augment)
        assert data.augmentation == own
    later = DigitsDataModule(limit=60)
    prepared(later, augment="affine")
    later.augmentation = own
    prepared(later, augment="none")
    assert later.augmentation == own


def rows_of(data: DataModule) -> np.ndarray[Any, Any]:
    return data.pool.inputs[:].numpy()  # type: ignore[no-any-return]


STANDARDIZED = (ROWS - ROWS.mean(0)) / ROWS.std(0)


@pytest.mark.parametrize("first", ["none", "auto", "unit", "pca:2"])
def test_each_run_has_its_own_preprocessing(first: str) -> None:
    data = ArrayDataModule(torch.from_numpy(ROWS))
    prepared(data, preprocess=first)
    before = data.fingerprint
    assert prepared(data, preprocess="standardize").preprocess == ("standardize",)
    np.testing.assert_allclose(rows_of(data), STANDARDIZED, atol=1e-3)
    assert [str(step) for step in data.description.preprocess.steps] == ["standardize"]
    prepared(data, preprocess="none")
    np.testing.assert_array_equal(rows_of(data), ROWS)
    prepared(data, preprocess=first)
    assert data.fingerprint == before


def test_inputs_that_were_loaded_before_get_the_runs_preprocessing() -> None:
    data = ArrayDataModule(torch.from_numpy(ROWS))
    data.setup()
    prepared(data, preprocess="none")
    np.testing.assert_array_equal(rows_of(data), ROWS)


def test_a_preprocessing_of_ones_own_stays() -> None:
    data = ArrayDataModule(torch.from_numpy(ROWS), preprocess=("none",))
    assert prepared(data, preprocess="standardize").preprocess == ("none",)
    assert prepared(data, preprocess="unit").preprocess == ("none",)
    np.testing.assert_array_equal(rows_of(data), ROWS)


def test_the_same_preprocessing_loads_nothing_again() -> None:
    data = ArrayDataModule(torch.from_numpy(ROWS))
    prepared(data, preprocess="standardize")
    pool = data.pool
    prepared(data, preprocess="standardize")
    assert data.pool is pool


def test_a_run_that_cannot_load_spoils_no_later_one() -> None:
    data = ArrayDataModule(torch.from_numpy(ROWS))
    prepared(data, preprocess="none")
    with pytest.raises(LatentclustError, match="pca"):
        prepared(data, preprocess="pca:99")
    prepared(data, preprocess="standardize")
    np.testing.assert_allclose(rows_of(data), STANDARDIZED, atol=1e-3)
