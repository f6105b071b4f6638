"""A trained model on images that it has not seen."""

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.metrics import normalized_mutual_info_score

from latentclust.models import VaDE
from tests.conftest import Command, arrays_of

N = 150


@pytest.fixture
def other_images(tmp_path: Path) -> tuple[list[str], np.ndarray, np.ndarray]:
    """The last digits, which the first 400 of the pool leave out for the most part: overrides and arrays."""
    digits = load_digits()
    images = (digits.images[-N:] / 16 * 255).round().astype(np.uint8)
    np.savez(tmp_path / "other.npz", images=images, labels=digits.target[-N:])
    # What belongs to the digits' own file is taken back.
    return ["data=files", "data.path=other.npz", "data.limit=null"], images, digits.target[-N:]


@pytest.mark.parametrize("name", ["vade", "conv"])
def test_predict_says_what_the_model_says_of_other_images(
    trained: Command,
    latentclust: Command,
    other_images: tuple[list[str], np.ndarray, np.ndarray],
    name: str,
) -> None:
    overrides, images, _ = other_images
    run = trained(f"experiment=tiny_{name}")
    assert run.folder is not None
    outcome = latentclust("task=predict", "ckpt_path=last", *overrides)
    assert outcome.status == 0, outcome.err
    assert outcome.folder is not None
    found = arrays_of(outcome.folder / "predictions.npz")
    model = VaDE.load_from_checkpoint(run.folder / "checkpoints/last.ckpt", weights_only=True).eval()
    x = torch.from_numpy(images)[:, None].float() / 255
    with torch.no_grad():
        gamma, codes = model.predict_proba(x), model.encode(x)
    np.testing.assert_allclose(found["codes"], codes, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found["responsibilities"], gamma, rtol=1e-3, atol=1e-5)
    np.testing.assert_array_equal(found["clusters"], found["responsibilities"].argmax(axis=1))


def test_evaluate_measures_other_images(
    trained: Command, latentclust: Command, other_images: tuple[list[str], np.ndarray, np.ndarray]
) -> None:
    overrides, images, labels = other_images
    run = trained("experiment=tiny_vade")
    assert run.folder is not None
    outcome = latentclust("task=evaluate", "ckpt_path=last", *overrides)
    assert outcome.status == 0, outcome.err
    row = outcome.summary["results"][-1]
    model = VaDE.load_from_checkpoint(run.folder / "checkpoints/last.ckpt", weights_only=True).eval()
    clusters = model.predict(torch.from_numpy(images)[:, None].float() / 255).numpy()
    assert row["pool"]["nmi"] == pytest.approx(normalized_mutual_info_score(labels, clusters))
    assert row["pool"]["used"] == len(set(clusters))
    assert row["pool"]["used"] > 1
    assert row["test"] is None
    assert outcome.summary["data"] == "files"


@pytest.mark.parametrize("task", ["predict", "evaluate"])
def test_images_of_another_shape_are_refused_in_one_line(
    trained: Command, latentclust: Command, tmp_path: Path, task: str
) -> None:
    trained("experiment=tiny_vade")
    np.savez(tmp_path / "large.npz", images=np.zeros((N, 9, 9), dtype=np.uint8))
    outcome = latentclust(
        f"task={task}", "ckpt_path=last", "data=files", "data.path=large.npz", "data.limit=null"
    )
    assert outcome.status == 2
    assert "input_shape" in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1
