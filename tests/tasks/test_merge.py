"""task=merge: the clusters of a finished run become fewer, along a tree that is drawn."""

import csv
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Command, arrays_of, first_of


@pytest.mark.parametrize("name", first_of("vade", "ae"))
def test_clusters_merge_to_the_number_that_is_wanted(
    trained: Command, latentclust: Command, name: str
) -> None:
    trained(f"experiment=tiny_{name}")
    predicted = latentclust("task=predict", "ckpt_path=last")
    drawn = ("figures.at_end=true", "figures.embedding.method=none", "figures.plane.n=2")
    run = latentclust("task=merge", "ckpt_path=last", "n_clusters=4", *drawn)
    assert run.status == 0, run.err
    assert run.folder is not None
    assert predicted.folder is not None
    merged = arrays_of(run.folder / "merged.npz")
    before = arrays_of(predicted.folder / "predictions.npz")["clusters"]
    used = len(np.unique(before))
    assert len(np.unique(merged["clusters"])) == min(4, used)
    assert np.array_equal(merged["merged_into"][before], merged["clusters"])
    assert (run.folder / "figures/merge_tree.png").is_file()
    with (
        (run.folder / "assignments.csv").open() as file,
        (predicted.folder / "assignments.csv").open() as old,
    ):
        for row, own in zip(csv.DictReader(file), csv.DictReader(old), strict=True):
            assert int(row["cluster"]) == merged["merged_into"][int(own["cluster"])]
            assert float(row["confidence"]) >= float(own["confidence"]) - 1e-5
    page = (run.folder / "report.html").read_text()
    assert "How the clusters merge" in page
    assert (
        f"<b>{min(4, used)} clusters</b> of 400 images" in page or f"{min(4, used)} clusters of 400" in page
    )
    rows = run.summary["results"]
    assert [row["method"] for row in rows][-1] == "merged to 4"
    assert f"merged to {used}" in [row["method"] for row in rows]
    assert run.summary["config"]["n_clusters"] == 4
    assert run.summary["health"]["used"] == min(4, used)


def test_the_finest_row_is_the_runs_own(trained: Command, latentclust: Command) -> None:
    fitted = trained("experiment=tiny_vade")
    run = latentclust("task=merge", "ckpt_path=last", "n_clusters=3")
    own, finest = fitted.summary["results"][-1], run.summary["results"][0]
    assert finest["pool"] == own["pool"]
    assert finest["unlabeled"]["silhouette"] == pytest.approx(own["unlabeled"]["silhouette"], rel=1e-4)


def test_vectors_are_not_called_images(latentclust: Command, tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
    np.savez(tmp_path / "x.npz", x=x, labels=np.arange(60) % 3)
    fitted = latentclust(
        "model=ae",
        "data=files",
        "data.path=x.npz",
        "n_clusters=5",
        "trainer.max_epochs=1",
        "network.widths=[8]",
    )
    assert fitted.status == 0, fitted.err
    drawn = ("figures.at_end=true", "figures.embedding.method=none")
    run = latentclust("task=merge", "ckpt_path=last", "n_clusters=2", *drawn)
    assert run.status == 0, run.err
    assert run.folder is not None
    assert run.summary["inputs"] == "vectors"
    assert "Clustered vectors" in (run.folder / "report.html").read_text()
    np.savez(tmp_path / "y.npz", x=x[:50])
    other = latentclust("ckpt_path=last", "data.path=y.npz")
    assert "was trained on files (60 vectors of 4 features, " in other.err
    assert "these are files (50 vectors of 4 features, " in other.err
    (tmp_path / "x.npz").unlink()
    elsewhere = latentclust("ckpt_path=last")
    assert "no file 'x.npz' can be found: it counts from here: go on where" in elsewhere.err


def test_as_many_clusters_as_there_are_is_one_line(trained: Command, latentclust: Command) -> None:
    trained("experiment=tiny_vade")
    run = latentclust("task=merge", "ckpt_path=last")
    assert run.status == 2
    assert "the run has 10 clusters, and n_clusters is 10: give fewer, as in n_clusters=5" in run.err
