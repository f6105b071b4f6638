"""The table of assignments, on its own and as every run writes it."""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from sklearn.mixture import GaussianMixture

from latentclust.data import build_datamodule
from latentclust.errors import LatentclustError
from latentclust.evaluation.assignments import Assignments, ranked
from latentclust.runs import assignments
from latentclust.runs.assignments import Row, link_files, write_assignments
from latentclust.settings.output import Output
from tests.conftest import Command, Outcome, arrays_of, first_of

COLUMNS = ["id", "split", "cluster", "confidence", "second", "second_probability"]
JUDGED = ["percentile", "unlike", "label"]


def read(folder: Path | None) -> list[dict[str, str]]:
    assert folder is not None
    with (folder / "assignments.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def numbers(rows: list[dict[str, str]], name: str) -> np.ndarray:
    return np.array([float(row[name]) for row in rows])


def table(n: int = 5, **more: object) -> Assignments:
    gamma = np.random.default_rng(0).dirichlet(np.ones(3), n)
    clusters, confidence, second, runner_up = ranked(gamma)
    return Assignments(
        "pool", clusters, confidence=confidence, second=second, second_probability=runner_up, **more
    )  # type: ignore[arg-type]


def test_the_second_best_is_what_sorting_finds() -> None:
    gamma = np.random.default_rng(1).dirichlet(np.ones(6), 50)
    clusters, confidence, second, runner_up = ranked(gamma)
    order = np.argsort(-gamma, axis=1)
    np.testing.assert_array_equal(np.column_stack([clusters, second]), order[:, :2])
    np.testing.assert_array_equal(confidence, np.sort(gamma)[:, -1])
    np.testing.assert_array_equal(runner_up, np.sort(gamma)[:, -2])
    assert ranked(np.ones((2, 1)))[2:] == (None, None)


def test_parts_of_a_table_make_the_file_that_the_whole_makes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("with, comma", 'with "quotes"', "two\nlines", "Åé 漢", "plain")
    whole = table(ids=names, labels=np.array([0, -1, 1, 1, 0]), class_names=("cat", "dog"))
    codes = np.arange(10.0).reshape(5, 2)
    output = Output(codes=True, parquet=True)
    paths = write_assignments(tmp_path, output, [(whole, codes)])
    assert [path.name for path in paths] == ["assignments.csv", "assignments.parquet", "codes.npy"]
    rows = read(tmp_path)
    assert tuple(row["id"] for row in rows) == names
    assert [row["label"] for row in rows] == ["cat", "", "dog", "dog", "cat"]
    np.testing.assert_array_equal(np.load(tmp_path / "codes.npy"), codes.astype(np.float32))
    typed = pq.read_table(tmp_path / "assignments.parquet").to_pydict()
    assert tuple(typed["id"]) == names
    assert typed["cluster"] == [int(row["cluster"]) for row in rows]
    assert typed["label"] == ["cat", None, "dog", "dog", "cat"]
    np.testing.assert_allclose(typed["confidence"], numbers(rows, "confidence"), rtol=1e-5)
    monkeypatch.setattr(assignments, "ROWS", 2)
    write_assignments(tmp_path / "parts", output, [(whole, codes)])
    assert (tmp_path / "parts/assignments.csv").read_bytes() == (tmp_path / "assignments.csv").read_bytes()
    assert pq.read_table(tmp_path / "parts/assignments.parquet").to_pydict() == typed


def test_a_table_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    def broken() -> Iterator[Row]:
        yield table(), np.zeros((5, 2))
        raise RuntimeError("in the middle")

    (tmp_path / "assignments.csv").write_text("before\n")
    with pytest.raises(RuntimeError, match="in the middle"):
        write_assignments(tmp_path, Output(codes=True, parquet=True), broken())
    assert [path.name for path in tmp_path.iterdir()] == ["assignments.csv"]
    assert (tmp_path / "assignments.csv").read_text() == "before\n"


def test_parquet_without_pyarrow_is_refused_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assignments, "find_spec", lambda name: None)
    with pytest.raises(LatentclustError, match=r"^output.parquet=true needs pyarrow: pip install"):
        write_assignments(tmp_path, Output(parquet=True), [])


@pytest.mark.parametrize("linked", [True, False])
def test_files_are_linked_into_a_folder_per_cluster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, linked: bool
) -> None:
    if not linked:

        def refuse(*given: object) -> None:
            raise OSError("no links here")

        monkeypatch.setattr(Path, "symlink_to", refuse)
    photos = tmp_path / "my photos, été"
    for name in ("a/x.png", "b/x.png", "b/y.png"):
        (photos / name).parent.mkdir(parents=True, exist_ok=True)
        (photos / name).write_text(name)
    placed = [("a/x.png", 0), ("b/x.png", 0), ("b/y.png", 7), ("gone.png", 7)]
    assert link_files(tmp_path / "clusters", placed, photos) == [tmp_path / "clusters"]
    found = {
        path.relative_to(tmp_path / "clusters").as_posix(): path.read_text()
        for path in (tmp_path / "clusters").rglob("*.png")
    }
    assert found == {"0/x.png": "a/x.png", "0/b__x.png": "b/x.png", "7/y.png": "b/y.png"}
    assert all(path.is_symlink() == linked for path in (tmp_path / "clusters").rglob("*.png"))
    assert link_files(tmp_path / "none", [("12", 3)], photos) == []


def check(rows: list[dict[str, str]], gamma: np.ndarray, split: str) -> None:
    assert {row["split"] for row in rows} == {split}
    assert [row["id"] for row in rows] == [str(place) for place in range(len(gamma))]
    np.testing.assert_array_equal(numbers(rows, "cluster"), gamma.argmax(axis=1))
    np.testing.assert_allclose(numbers(rows, "confidence"), gamma.max(axis=1), rtol=1e-5)
    np.testing.assert_allclose(numbers(rows, "second_probability"), np.sort(gamma)[:, -2], rtol=1e-5)


@pytest.mark.parametrize("model", first_of("vade", "ae"))
def test_every_run_of_a_network_leaves_a_table(trained: Command, latentclust: Command, model: str) -> None:
    fitted = trained(f"experiment=tiny_{model}")
    name = {"ae": "minus_error", "vade": "elbo_at_mean"}[model]
    rows = read(fitted.folder)
    assert list(rows[0]) == [*COLUMNS, name, *JUDGED]
    predicted = latentclust("task=predict", "ckpt_path=last", "output.codes=true")
    assert predicted.folder is not None
    arrays = arrays_of(predicted.folder / "predictions.npz")
    pool, held_out = rows[:400], rows[400:]
    check(pool, arrays["responsibilities"], "pool")
    codes = [arrays["codes"]]
    if model == "ae":
        check(held_out, arrays["test_responsibilities"], "test")
        codes.append(arrays["test_codes"])
    data = build_datamodule("digits", limit=400, pool="all" if model == "vade" else "train")
    data.setup()
    assert data.pool.labels is not None
    assert [row["label"] for row in pool] == [data.class_names[label] for label in data.pool.labels]
    np.testing.assert_array_equal(np.load(predicted.folder / "codes.npy"), np.concatenate(codes))
    # The percentiles are those of the pool, in checkpoint and table alike.
    bounds = numbers(pool, name)
    known = fitted.weights()["pool_bounds.quantiles"].numpy()
    np.testing.assert_allclose(known, np.percentile(bounds, np.arange(101)), rtol=1e-5)
    np.testing.assert_allclose(
        numbers(rows, "percentile"), np.interp(numbers(rows, name), known, np.arange(101)), atol=0.02
    )
    assert sum(row["unlike"] == "true" for row in pool) == 4
    assert all((float(row[name]) < known[1]) == (row["unlike"] == "true") for row in rows)
    # What is measured again, and predicted, is the same.
    assert read(predicted.folder) == rows
    assert read(latentclust("task=evaluate", "ckpt_path=last").folder) == rows


def test_the_best_epoch_has_percentiles_of_its_own(latentclust: Command) -> None:
    fitted = latentclust("experiment=tiny_vae", "trainer.max_epochs=2", "model.optimizer.learning_rate=0.05")
    assert fitted.folder is not None
    last = fitted.weights()
    best = fitted.folder / "checkpoints/best.ckpt"
    checkpoint = torch.load(best, weights_only=True)
    changed = {name: w * 1.5 if name == "decoder.layers.0.weight" else w for name, w in last.items()}
    torch.save(checkpoint | {"state_dict": changed}, best)
    again = latentclust("ckpt_path=last", "trainer.max_epochs=3")
    assert again.folder is not None
    rows = read(latentclust("task=evaluate", f"ckpt_path={again.folder / 'checkpoints/best.ckpt'}").folder)
    pool = [row for row in rows if row["split"] == "pool"]
    own = again.weights("checkpoints/best.ckpt")["pool_bounds.quantiles"]
    np.testing.assert_allclose(own, np.percentile(numbers(pool, "elbo_at_mean"), np.arange(101)), rtol=1e-5)


def partitioned(outcome: Outcome) -> list[dict[str, str]]:
    assert outcome.status == 0, outcome.err
    assert outcome.folder is not None
    rows = read(outcome.folder)
    with np.load(outcome.folder / "clusters.npz") as arrays:
        np.testing.assert_array_equal(numbers(rows, "cluster"), arrays["clusters"])
        points = arrays["points"]
    if "log_likelihood" in rows[0]:
        expected = GaussianMixture(5, n_init=5, random_state=0).fit(points.astype(np.float64))
        np.testing.assert_allclose(numbers(rows, "log_likelihood"), expected.score_samples(points), rtol=1e-3)
        np.testing.assert_allclose(
            numbers(rows, "confidence"), expected.predict_proba(points).max(axis=1), rtol=1e-3
        )
    return rows


def test_methods_without_a_network_leave_a_table_of_what_they_know(latentclust: Command) -> None:
    blobs = ["data=blobs", "data.n=300"]
    found = partitioned(latentclust("model=kmeans", *blobs))
    assert list(found[0]) == ["id", "split", "cluster", "second", "minus_distance", *JUDGED]
    assert all(row["second"] != row["cluster"] for row in found)
    found = partitioned(latentclust("model=gmm", *blobs))
    assert list(found[0]) == [*COLUMNS, "log_likelihood", *JUDGED]
    assert sum(row["unlike"] == "true" for row in found) == 3
    found = partitioned(latentclust("model=spectral", *blobs))
    assert list(found[0]) == ["id", "split", "cluster", "label"]
    outcome = latentclust("model=kmeans", "data=digits", "data.limit=300", "data.pool=train")
    rows = read(outcome.folder)
    assert {row["split"] for row in rows} == {"pool", "test"}
