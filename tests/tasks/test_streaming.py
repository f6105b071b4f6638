"""A pool that stays in its file is trained on, evaluated and assigned as one in memory is."""

from pathlib import Path

import numpy as np
import pytest
import torch

from latentclust.data.streamed import StreamedBatches
from tests.conftest import Command

TINY = ("experiment=tiny_vade", "data=files", "data.limit=null", "augment=none", "network.widths=[8]")

FEW = ("figures.at_end=true", "figures.embedding.method=none", "figures.plane.n=2")


@pytest.fixture
def blobs(tmp_path: Path) -> str:
    rng = np.random.default_rng(0)
    centers = rng.normal(0, 4, (10, 6))
    np.save(tmp_path / "x.npy", (centers[np.arange(300) % 10] + rng.normal(0, 0.3, (300, 6))).astype("f4"))
    return f"data.path={tmp_path / 'x.npy'}"


def test_the_whole_way_reads_no_more_than_parts(
    latentclust: Command, blobs: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    largest: list[int] = []
    monkeypatch.setattr("latentclust.training.inference.CHUNK", 64)
    monkeypatch.setattr("latentclust.training.inference.SAMPLE", 100)
    monkeypatch.setattr("latentclust.runs.describing.ROWS", 70)
    whole = StreamedBatches.__iter__
    monkeypatch.setattr(StreamedBatches, "__iter__", lambda self: largest.append(self.held) or whole(self))
    options = ("data.in_memory=false", "init.sample=120", "output.codes=true", *FEW)
    run = latentclust(*TINY, blobs, *options)
    assert run.status == 0, run.err
    assert run.folder is not None
    assert largest  # the training did stream
    assert "stay in their file" in run.out
    rows = (run.folder / "assignments.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows[1:]] == [str(i) for i in range(300)]
    assert np.load(run.folder / "codes.npy").shape == (300, 4)
    assert (run.folder / "report.html").is_file()
    start = next(result for result in run.summary["results"] if "start" in result["method"])
    assert start["pool"]["used"] == run.summary["config"]["n_clusters"]

    held = latentclust("task=evaluate", "ckpt_path=last", "data.in_memory=true", "output.codes=true")
    assert held.status == 0, held.err
    assert held.folder is not None
    # The same clusters and bounds: only how usual they are is judged by a sample of a pool in a file.
    again = (held.folder / "assignments.csv").read_text().splitlines()
    assert [row.split(",")[:3] for row in again] == [row.split(",")[:3] for row in rows]
    np.testing.assert_allclose(
        np.load(held.folder / "codes.npy"), np.load(run.folder / "codes.npy"), atol=1e-5
    )

    predicted = latentclust("task=predict", "ckpt_path=last", "data.in_memory=false")
    assert predicted.status == 0, predicted.err
    assert predicted.folder is not None
    assert "there is no predictions.npz" in predicted.out
    assert (predicted.folder / "assignments.csv").read_text().splitlines() == rows


def test_a_run_is_continued_to_the_bit(latentclust: Command, blobs: str) -> None:
    options = (*TINY, blobs, "data.in_memory=false", "output_dir=a")
    whole = latentclust(*options, "trainer.max_epochs=2", "hydra.run.dir=outputs/a")
    assert whole.status == 0, whole.err
    latentclust(*options, "trainer.max_epochs=1", "hydra.run.dir=outputs/b")
    rest = latentclust(
        "ckpt_path=outputs/b/checkpoints/last.ckpt", "trainer.max_epochs=2", "hydra.run.dir=outputs/c"
    )
    assert rest.status == 0, rest.err
    first, second = whole.weights(), rest.weights()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_clusters_of_a_model_without_any_and_of_kmeans(latentclust: Command, blobs: str) -> None:
    streamed = ("data=files", "data.in_memory=false", "data.limit=null", blobs, "augment=none")
    ae = latentclust("experiment=tiny_ae", *streamed, "network.widths=[8]", "trainer.max_epochs=1")
    assert ae.status == 0, ae.err
    kmeans = latentclust("model=kmeans", *streamed, "figures.at_end=false")
    assert kmeans.status == 0, kmeans.err
    assert kmeans.folder is not None
    held = latentclust("model=kmeans", *streamed, "data.in_memory=true", "figures.at_end=false")
    assert held.folder is not None
    assert (held.folder / "assignments.csv").read_text() == (kmeans.folder / "assignments.csv").read_text()
