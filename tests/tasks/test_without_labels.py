"""A user without labels: the whole run says what it can say, and nothing that it cannot."""

import csv
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.metrics import silhouette_score

from latentclust.data import DigitsDataModule
from latentclust.models import VaDE
from tests.conftest import Command


@pytest.fixture
def unlabeled(tmp_path: Path) -> str:
    path = tmp_path / "photos.npz"
    np.savez(path, images=(load_digits().images[:200] * 15).astype(np.uint8))
    return f"data.path={path}"


def test_a_run_without_labels_has_scores_health_and_no_dashes(latentclust: Command, unlabeled: str) -> None:
    run = latentclust(
        "experiment=tiny_vade",
        "data=files",
        "data.limit=200",
        unlabeled,
        "figures.at_end=true",
        "figures.embedding.method=none",
        "optimized_metric=cluster/silhouette",
    )
    assert run.status == 0, run.err
    assert run.folder is not None
    assert "nan" not in run.out.lower()
    assert "Health: " in run.out
    summary = run.summary
    own = summary["results"][-1]
    assert own["unlabeled"]["silhouette"] == summary["metrics"]["cluster/silhouette"]
    assert summary["health"]["confidence"] == own["unlabeled"]["confidence"]
    assert len(summary["health"]["kl_per_dimension"]) == 4
    page = (run.folder / "report.html").read_text()
    assert "Silhouette" in page
    assert "What shows without labels" in page
    assert ">ACC" not in page
    assert "\u2014</td>" not in page.split("VaDE</th>")[-1]


def test_the_silhouette_is_of_the_models_codes(trained: Command) -> None:
    run = trained("experiment=tiny_vade")
    assert run.folder is not None
    data = DigitsDataModule(limit=400, pool="all")
    data.setup()
    model = VaDE.load_from_checkpoint(run.folder / "checkpoints/last.ckpt", weights_only=True).eval()
    images = data.pool.inputs.float() / 255
    codes, clusters = model.encode(images).detach().numpy(), model.predict(images).numpy()
    found = run.summary["results"][-1]["unlabeled"]
    assert found["silhouette"] == pytest.approx(silhouette_score(codes, clusters), rel=1e-4)
    assert found["confidence"] == pytest.approx(float(model.predict_proba(images).amax(dim=-1).mean()))


def test_points_have_them_too(latentclust: Command) -> None:
    run = latentclust("model=kmeans", "data=blobs", "figures.at_end=false")
    assert run.status == 0, run.err
    assert run.summary["results"][-1]["unlabeled"]["silhouette"] > 0.5
    assert run.summary["health"]["used"] == 5


def test_held_out_inputs_have_a_bound(latentclust: Command, tmp_path: Path) -> None:
    images = (load_digits().images[:200] * 15).astype(np.uint8)
    np.savez(tmp_path / "own.npz", images=images, is_test=np.arange(200) >= 150)
    own = ("data=files", f"data.path={tmp_path / 'own.npz'}", "data.limit=null", "data.pool=train")
    run = latentclust("experiment=tiny_vae", *own, "optimized_metric=cluster/held_out_bound")
    assert run.status == 0, run.err
    assert run.folder is not None
    assert "held-out" in run.out
    results = run.summary["results"]
    assert results[0]["unlabeled"]["held_out_bound"] is None
    with (run.folder / "assignments.csv").open() as file:
        bounds = [float(row["elbo_at_mean"]) for row in csv.DictReader(file) if row["split"] == "test"]
    assert len(bounds) == 50
    assert results[-1]["unlabeled"]["held_out_bound"] == pytest.approx(np.mean(bounds), rel=1e-4)
