"""DeepClustering: scikit-learn's contract, and the same bits as the command line."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits, make_blobs
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from latentclust import DeepClustering
from tests.conftest import Command

QUICK: dict[str, Any] = {
    "network.widths": [16],
    "model.latent_dim": 3,
    "model.pretrain.max_epochs": 1,
    "model.refit_at": [],
    "model.warmup": {"hold_epochs": 1},
    "init": {"name": "kmeans", "n_init": 1},
    "data.min_images_per_epoch": None,
}
UNCHANGED = {"degrees": 0.0, "pixels": 0.0, "scale": 0.0, "shear": 0.0}
OF_IMAGES: dict[str, Any] = QUICK | {"network.channels": [4], "augment": UNCHANGED}
X, CLASSES = make_blobs(200, 5, centers=3, random_state=0)


def quick(**changes: Any) -> DeepClustering:
    return DeepClustering(
        **{"n_clusters": 3, "random_state": 0, "max_epochs": 1, "settings": QUICK} | changes
    )


@pytest.fixture(scope="module")
def fitted() -> DeepClustering:
    return quick().fit(X)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.long
def test_it_keeps_scikit_learns_contract() -> None:
    """Every check passes; the one on other array libraries runs only where SCIPY_ARRAY_API is set."""
    results = check_estimator(quick(), on_skip=None, on_fail=None)
    not_passed = {each["check_name"]: each["status"] for each in results if each["status"] != "passed"}
    assert set(not_passed) <= {"check_array_api_input"}, not_passed
    assert len(results) > 40


def test_it_finds_what_the_command_line_finds(latentclust: Command, tmp_path: Path) -> None:
    x = X.astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    command = latentclust(
        "data=files",
        "data.path=x.npy",
        "n_clusters=3",
        "network.widths=[16]",
        "model.latent_dim=3",
        "model.pretrain.max_epochs=1",
        "model.refit_at=[]",
        "model.warmup.hold_epochs=1",
        "init=kmeans",
        "init.n_init=1",
        "data.batch_size=128",
        "data.min_images_per_epoch=null",
        "trainer.max_epochs=1",
        "figures.at_end=false",
    )
    assert command.status == 0, command.err
    own = quick().fit(x)
    theirs = command.weights()
    state = own.model_.state_dict()
    assert state.keys() >= theirs.keys()
    assert all(torch.equal(state[name], theirs[name]) for name in theirs)
    rows = pd.read_csv(command.folder / "assignments.csv")
    np.testing.assert_array_equal(rows["cluster"], own.labels_)
    np.testing.assert_allclose(rows["confidence"], own.predict_proba(x).max(axis=1), atol=1e-4)


def test_what_it_returns_fits_together(fitted: DeepClustering) -> None:
    probabilities = fitted.predict_proba(X)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(probabilities.argmax(axis=1), fitted.labels_)
    codes = fitted.transform(X)
    assert codes.shape == (200, 3)
    assert fitted.inverse_transform(codes).shape == X.shape
    assert fitted.sample(7).shape == (7, 5)
    assert fitted.score(X) == pytest.approx(fitted.score_samples(X).mean())
    assert fitted.score(X) > fitted.score(X + 50)
    assert fitted.n_clusters_ == 3


def test_it_is_saved_and_loaded(fitted: DeepClustering, tmp_path: Path, latentclust: Command) -> None:
    path = tmp_path / "mine.ckpt"
    fitted.save(path)
    again = DeepClustering.load(path)
    assert again.get_params() == fitted.get_params()
    np.testing.assert_array_equal(again.labels_, fitted.labels_)
    np.testing.assert_array_equal(again.transform(X), fitted.transform(X))
    np.save(tmp_path / "new.npy", X[:9].astype(np.float32))
    told = latentclust("task=predict", f"ckpt_path={path}", "input=new.npy")
    assert told.status == 0, told.err
    assert pd.read_csv(told.folder / "assignments.csv")["cluster"].tolist() == fitted.labels_[:9].tolist()
    with pytest.raises(ValueError, match="there is no file"):
        DeepClustering.load(tmp_path / "none")


def test_data_frames_and_pipelines() -> None:
    frame = pd.DataFrame(X, columns=[f"gene {i}" for i in range(5)])
    pipeline = make_pipeline(StandardScaler(), quick()).set_output(transform="pandas")
    codes = pipeline.fit(frame).transform(frame)
    assert list(codes.columns) == ["deepclustering0", "deepclustering1", "deepclustering2"]
    assert list(codes.index) == list(frame.index)
    own = clone(quick()).fit(frame)
    assert own.model_.description is not None
    assert own.model_.description.feature_names == tuple(frame.columns)
    with pytest.raises(ValueError, match="feature names"):
        own.predict(frame.rename(columns={"gene 0": "other"}))


def test_rows_without_a_finite_output_are_refused() -> None:
    own = quick().fit(X)
    far = X[:4].copy()
    far[2] = 1e30
    for method in (own.predict, own.predict_proba, own.score_samples):
        with pytest.raises(ValueError, match=r"^X: row 2 is too far from what"):
            method(far)


def test_values_may_be_missing() -> None:
    holes = X.copy()
    holes[::3, 1] = np.nan
    own = quick().fit(holes)
    assert np.isfinite(own.transform(holes)).all()
    assert np.isfinite(own.score_samples(holes)).all()


def test_images_of_any_numbers_come_back_as_images() -> None:
    digits = load_digits().images[:150]
    own = quick(settings=OF_IMAGES).fit(digits)
    assert own.inverse_transform(own.transform(digits[:4])).shape == (4, 8, 8, 1)
    np.testing.assert_array_equal(own.predict(torch.from_numpy(digits)), own.labels_)
    with pytest.raises(ValueError, match="images of"):
        own.predict(digits[:, :7])
    with pytest.raises(ValueError, match="fitted to images"):
        own.predict(X)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.uint16])
def test_8_bit_images_of_another_dtype_are_refused_not_misread(dtype: type) -> None:
    digits = (load_digits().images[:150] * 15).astype(np.uint8)
    own = quick(settings=OF_IMAGES).fit(digits)
    with pytest.raises(ValueError, match=r"X holds floats outside \[0, 1\].* give uint8"):
        own.predict(digits.astype(dtype))
    np.testing.assert_array_equal(own.predict((digits / 255).astype(np.float32)), own.labels_)


def test_images_of_other_numbers_mean_the_same_as_uint8() -> None:
    digits = load_digits().images[:150]
    own = quick(settings=OF_IMAGES).fit(digits)
    for dtype in (np.uint8, np.int64, np.float32):
        np.testing.assert_array_equal(own.predict_proba(digits.astype(dtype)), own.predict_proba(digits))


def test_bad_input_is_a_value_error(fitted: DeepClustering) -> None:
    with pytest.raises(ValueError, match="0 inputs cannot be drawn"):
        fitted.sample(0)
    with pytest.raises(ValueError, match="choose fewer"):
        quick(n_clusters=300).fit(X)
    with pytest.raises(ValueError, match="no choice of model"):
        quick(model="vadr").fit(X)
    with pytest.raises(ValueError, match="generates nothing"):
        quick(model="dec", settings={"network.widths": [8], "model.pretrain.max_epochs": 1}).fit(X).sample()


def test_rows_that_are_too_alike_are_warned_of() -> None:
    with pytest.warns(ConvergenceWarning, match="only 1 of the 60 vectors is different"):
        quick().fit(np.ones((60, 5)))


@pytest.mark.parametrize("model", ["kmeans", "gmm", "spectral"])
def test_a_method_without_a_network_is_refused(model: str) -> None:
    with pytest.raises(ValueError, match=f"model={model} trains no network.*KMeans"):
        DeepClustering(model=model).fit(X)


def test_numbers_of_numpy_are_numbers() -> None:
    given = quick(n_clusters=np.int64(3), max_epochs=np.int64(1)).fit(X)
    assert (given.labels_ == quick(n_clusters=3, max_epochs=1).fit(X).labels_).all()
    with pytest.raises(ValueError, match=r"n_clusters is 2\.5"):
        quick(n_clusters=np.float64(2.5)).fit(X)
