"""Partitions without a network, as commands."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits

from latentclust import tasks
from latentclust.data import build_datamodule
from latentclust.data.points import make_points
from latentclust.evaluation import cluster_accuracy, findings
from latentclust.evaluation.baselines import pixels
from tests.conftest import Command

SMALL = ["data.n=200"]


def figures(folder: Path | None) -> set[str]:
    assert folder is not None
    return {path.stem for path in (folder / "figures").glob("*.png")}


@pytest.mark.parametrize("model", ["kmeans", "gmm", "spectral"])
@pytest.mark.parametrize("data", ["blobs", "moons", "circles"])
def test_every_method_on_every_set_of_points(latentclust: Command, model: str, data: str) -> None:
    outcome = latentclust(f"model={model}", f"data={data}", "figures.at_end=false", *SMALL)
    assert outcome.status == 0, outcome.err
    assert outcome.folder is not None
    summary = outcome.summary
    k = 5 if data == "blobs" else 2
    assert summary["config"]["n_clusters"] == summary["clusters"]["used"] == k
    assert summary["results"][0]["method"] == "k-means on points"
    assert len(summary["results"]) == (1 if model == "kmeans" else 2)
    assert summary["inputs"] == "points"
    assert "contrast" in outcome.out
    assert str(outcome.folder) in outcome.out.replace("\n", "")


@pytest.mark.parametrize(
    ("model", "data", "dims"), [("kmeans", "moons", 2), ("gmm", "blobs", 5), ("spectral", "circles", 2)]
)
def test_a_run_leaves_its_figures_and_report(latentclust: Command, model: str, data: str, dims: int) -> None:
    outcome = latentclust(f"model={model}", f"data={data}", f"data.dims={dims}", *SMALL)
    assert outcome.status == 0, outcome.err
    assert figures(outcome.folder) == {"clusters", "confusion", "distances"} | (
        {"features"} if model == "spectral" else set()
    )
    assert outcome.folder is not None
    report = (outcome.folder / "report.html").read_text()
    assert "Clustered points" in report
    assert "images" not in report.split("<h2>The run</h2>")[1].split("<details")[0]


def test_the_scores_are_those_of_the_points_that_were_drawn(latentclust: Command) -> None:
    outcome = latentclust("model=kmeans", "data=moons", "data.dims=7", "data.seed=3", "seed=1", *SMALL)
    points, labels = make_points("moons", 200, dims=7, noise=0.06, seed=3)
    kmeans = KMeans(2, n_init=10, random_state=1).fit(points)
    metrics = outcome.summary["metrics"]
    assert metrics["cluster/acc"] == cluster_accuracy(kmeans.labels_, labels)
    assert metrics["train/loss"] == pytest.approx(kmeans.inertia_ / 200)
    distances = np.linalg.norm(points[:, None] - points[None], axis=-1)
    farthest = distances.max(axis=1)
    nearest = (distances + 99 * np.eye(200)).min(axis=1)
    assert metrics["distances/contrast"] == pytest.approx(((farthest - nearest) / nearest).mean())
    assert metrics["distances/nearest"] == pytest.approx(nearest.mean())


@pytest.mark.parametrize("model", ["kmeans", "gmm", "spectral"])
def test_images_are_partitioned_by_their_pixels(latentclust: Command, model: str) -> None:
    drawn = model == "kmeans"
    outcome = latentclust(
        f"model={model}", "data=digits", "data.limit=300", "data.pool=train", f"figures.at_end={drawn}"
    )
    assert outcome.status == 0, outcome.err
    own = outcome.summary["results"][-1]
    assert own["pool"]["acc"] > 0.6
    # A neighbor graph has no place for further images.
    assert (own["test"] is None) == (model == "spectral")
    assert figures(outcome.folder) == ({"clusters", "confusion", "distances", "means"} if drawn else set())
    assert outcome.summary["inputs"] == "images"


def test_test_images_in_the_pool_keep_their_clusters(latentclust: Command) -> None:
    outcome = latentclust("model=spectral", "data=digits", "data.limit=300", "figures.at_end=false")
    own = outcome.summary["results"][-1]
    assert own["test"]["acc"] > 0.5
    assert figures(outcome.folder) == set()


def test_of_very_many_images_a_sample_is_fitted(
    latentclust: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(findings, "LARGEST_FIT", 100)
    outcome = latentclust("model=kmeans", "data=digits", "figures.at_end=false", "data.pool=train")
    assert outcome.status == 0, outcome.err
    data = build_datamodule("digits", pool="train")
    data.setup()
    images = pixels(data.pool.inputs)
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))[:100]
    fitted = KMeans(10, n_init=10, random_state=0).fit(images[order])
    own = outcome.summary["results"][-1]
    assert own["pool"]["acc"] == cluster_accuracy(fitted.predict(images), data.pool.labels)
    assert data.test is not None
    assert own["test"]["acc"] == cluster_accuracy(fitted.predict(pixels(data.test.inputs)), data.test.labels)


@pytest.mark.parametrize("model", ["kmeans", "spectral"])
def test_the_clusters_stay(latentclust: Command, model: str) -> None:
    outcome = latentclust(
        f"model={model}", "data=digits", "data.limit=300", "data.pool=train", "figures.at_end=false"
    )
    assert outcome.folder is not None
    path = outcome.folder / "clusters.npz"
    assert str(path) in outcome.out.replace("\n", "")
    data = build_datamodule("digits", limit=300, pool="train")
    data.setup()
    assert data.pool.labels is not None
    assert data.test is not None
    own = outcome.summary["results"][-1]
    with np.load(path) as arrays:
        assert set(arrays) == {"clusters", "labels", "test_labels"} | (
            {"test_clusters"} if model == "kmeans" else set()
        )
        np.testing.assert_array_equal(arrays["labels"], data.pool.labels)
        np.testing.assert_array_equal(arrays["test_labels"], data.test.labels)
        assert own["pool"]["acc"] == cluster_accuracy(arrays["clusters"], data.pool.labels)
        if model == "kmeans":
            assert own["test"]["acc"] == cluster_accuracy(arrays["test_clusters"], data.test.labels)


def test_the_clusters_of_points_stay_with_the_points(latentclust: Command) -> None:
    outcome = latentclust("model=spectral", "data=moons", "data.seed=3", "figures.at_end=false", *SMALL)
    assert outcome.folder is not None
    points, labels = make_points("moons", 200, noise=0.06, seed=3)
    with np.load(outcome.folder / "clusters.npz") as arrays:
        np.testing.assert_array_equal(arrays["points"], points)
        np.testing.assert_array_equal(arrays["labels"], labels)
        assert cluster_accuracy(arrays["clusters"], labels) == outcome.summary["metrics"]["cluster/acc"]


def test_images_of_ones_own_without_labels(latentclust: Command, tmp_path: Path) -> None:
    np.savez(tmp_path / "mine.npz", images=(load_digits().images[:200] / 16).astype(np.float32))
    outcome = latentclust(
        "model=gmm",
        "model.covariance=diag",
        "data=files",
        "data.path=mine.npz",
        "n_clusters=4",
        "data.batch_size=10",
    )
    assert outcome.status == 0, outcome.err
    assert outcome.summary["results"][-1]["pool"]["acc"] is None
    assert figures(outcome.folder) == {"clusters", "distances", "means"}


def test_a_few_rows_many_times_over(latentclust: Command, tmp_path: Path) -> None:
    np.savez(tmp_path / "mine.npz", x=np.eye(4)[np.arange(100) % 4])
    outcome = latentclust(
        "model=kmeans", "data=files", "data.path=mine.npz", "n_clusters=9", "figures.at_end=false"
    )
    (warning,) = outcome.summary["warnings"]
    assert warning.startswith(
        "only 4 of the 100 vectors are different, so that of 9 clusters some mean nothing"
    )
    assert outcome.summary["health"]["advice"] == ["5 of 9 clusters have died: try fewer (n_clusters=4)"]


def test_a_sweep_over_dimensions(latentclust: Command, tmp_path: Path) -> None:
    outcome = latentclust(
        "-m", "experiment=lab/part1_dims", "data.dims=2,20,200", "data.n=200", "figures.at_end=false"
    )
    assert outcome.status == 0, outcome.err
    paths = sorted(tmp_path.glob("outputs/multirun/*/*/*/summary.json"))
    metrics = [json.loads(path.read_text())["metrics"] for path in paths]
    contrasts = [run["distances/contrast"] for run in metrics]
    assert len(contrasts) == 3
    assert contrasts == sorted(contrasts, reverse=True)


def test_a_sweeper_gets_the_methods_own_objective(
    latentclust: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    returned: list[float | None] = []
    fit = tasks.TASKS["fit"]
    monkeypatch.setitem(tasks.TASKS, "fit", lambda *given: returned.append(fit(*given)))
    command = ["model=kmeans", "data=blobs", "figures.at_end=false", *SMALL]
    metrics = latentclust(*command).summary["metrics"]
    latentclust(*command, "optimized_metric=distances/contrast")
    latentclust(*command, "optimized_metric=cluster/nmi")
    assert returned == [metrics["train/loss"], metrics["distances/contrast"], metrics["cluster/nmi"]]


@pytest.mark.parametrize(
    ("experiment", "low", "high"),
    [
        ("part1_blobs", 0.99, 1),
        ("part1_moons_kmeans", 0.7, 0.8),
        ("part1_moons_spectral", 0.99, 1),
        ("part1_circles_kmeans", 0.5, 0.6),
        ("part1_circles_spectral", 0.99, 1),
        ("part1_dims", 0.95, 1),
    ],
)
def test_the_labs_first_part_shows_what_it_is_for(
    latentclust: Command, experiment: str, low: float, high: float
) -> None:
    outcome = latentclust(f"experiment=lab/{experiment}", "figures.at_end=false")
    assert outcome.status == 0, outcome.err
    assert low <= outcome.summary["metrics"]["cluster/acc"] <= high


def test_noise_alone_hides_the_groups_from_kmeans(latentclust: Command) -> None:
    outcome = latentclust("experiment=lab/part1_dims", "data.dims=1000", "figures.at_end=false")
    assert outcome.summary["metrics"]["cluster/acc"] < 0.7
    assert outcome.summary["metrics"]["distances/contrast"] < 0.2


def test_the_same_command_gives_the_same_numbers(latentclust: Command) -> None:
    command = ["model=spectral", "data=circles", "figures.at_end=false", *SMALL]
    first, again = (latentclust(*command).summary for _ in range(2))
    assert first["results"] == again["results"]
    assert first["metrics"] == again["metrics"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["data=moons"], "data=moons are points, and model=vade needs images"),
        (["data=blobs", "model=ae"], "choose model=kmeans|gmm|spectral"),
        (["model=kmeans", "task=evaluate"], "task=evaluate needs a trained network"),
        (["model=spectral", "data=moons", "task=predict"], "which model=spectral is not"),
        (["model=kmeans", "data=moons", "n_clusters=1001"], "there are only 1000 inputs"),
        (["model=kmeans", "data=blobs", "data.n_groups=1001"], "1000 points cannot make 1001 groups"),
        (["model=kmeans", "data=moons", "data.dims=1"], "data.dims is 1"),
        (["model=kmeans", "data=moons", "data.noise=-1"], "data.noise is -1"),
        (["model=kmeans", "data=moons", "data.limit=5"], "data=moons has no data.limit"),
        (["model=gmm", "data=moons", "model.covariance=tied"], "model.covariance is 'tied'"),
        (["model=spectral", "data=moons", "model.n_neighbors=1"], "model.n_neighbors is 1"),
        (["model=spectral", "data=moons", "data.n=10001"], "at most 10,000 with data.limit or data.n"),
        (["model=kmeans", "data=blobs", "data.noise=0", "data.n_groups=1"], "all points are equal"),
        (["experiment=lab/part1_blob"], "did you mean 'lab/part1_blobs'"),
        (["experiment=part1_dims"], "did you mean 'lab/part1_dims'"),
    ],
)
def test_bad_input_ends_in_one_line(latentclust: Command, arguments: list[str], said: str) -> None:
    outcome = latentclust(*arguments)
    assert outcome.status == 2
    assert said in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1
    assert outcome.err.startswith("latentclust: ")


def test_a_checkpoint_is_nothing_for_a_partition(latentclust: Command) -> None:
    latentclust("experiment=tiny_ae", "trainer.max_epochs=1")
    outcome = latentclust("ckpt_path=last", "model=kmeans")
    assert outcome.status == 2
    assert "leave out ckpt_path" in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1
