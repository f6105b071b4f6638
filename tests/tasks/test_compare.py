"""Runs read from their folders, grouped by what varied, with the seeds folded."""

import csv
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latentclust.errors import LatentclustError
from latentclust.evaluation.comparison import spread
from latentclust.evaluation.comparison_table import Row, columns_of
from latentclust.evaluation.measures import LABELED, OBJECTIVES
from latentclust.runs.comparing import Comparison
from latentclust.runs.grouping import group_runs, unequal
from latentclust.runs.jobs import Job, State, Sweep, keep_state
from latentclust.runs.records import read_run, read_runs
from tests.conftest import Command


def keep_run(folder: Path, overrides: list[str], acc: float | None, seed: int, **changes: Any) -> None:
    """Write what a whole run leaves."""
    (folder / ".hydra").mkdir(parents=True)
    (folder / ".hydra/overrides.yaml").write_text(json.dumps(overrides))
    config: dict[str, Any] = {
        "task": {"name": "fit"},
        "seed": seed,
        "model": {"name": "vae", "latent_dim": 10},
        "data": {"name": "digits", "pool": "all"},
        "network": {"widths": [32]},
        "trainer": {"max_epochs": 3, "accelerator": "cpu"},
        "ckpt_path": None,
    }
    for key, value in changes.items():
        section, _, leaf = key.partition("__")
        config[section] = config[section] | {leaf: value} if leaf else value
    summary = {
        "model": "VAE",
        "data": "digits",
        "seed": seed,
        "seconds": {"data": 1.0, "train": 2.5},
        "metrics": {"test/elbo": -40.0 - seed, "train/reconstruction": 3.0},
        "results": [
            {"method": "k-means", "pool": {"acc": 0.0}},
            {
                "method": "own",
                "pool": {"acc": acc, "nmi": acc, "ari": acc, "used": 10},
                "unlabeled": {"silhouette": 0.5, "davies_bouldin": 1.0, "confidence": None},
            },
        ],
        "config": config,
    }
    (folder / "summary.json").write_text(json.dumps(summary))


def keep_sweep(folder: Path, scores: dict[str, dict[int, float]]) -> None:
    """Write a sweep of models and seeds."""
    jobs = []
    for model, of_model in scores.items():
        for seed, acc in of_model.items():
            number, overrides = len(jobs), [f"model={model}", f"seed={seed}", "trainer.max_epochs=3"]
            keep_run(folder / str(number), overrides, acc, seed, model__name=model)
            keep_state(folder / str(number), State("finished"))
            jobs.append(Job(number, overrides, f"model={model} seed={seed}"))
    Sweep(jobs).write(folder)


def test_seeds_are_folded_and_the_best_comes_first(tmp_path: Path) -> None:
    scores = {"ae": {0: 0.50, 1: 0.52, 2: 0.51}, "vae": {0: 0.60, 1: 0.65, 2: 0.61}}
    keep_sweep(tmp_path / "sweep", scores)
    found = Comparison.of(read_runs([str(tmp_path / "sweep")]))
    assert [row.name for row in found.rows] == ["vae", "ae"]
    assert [measure.key for measure in found.measures] == ["acc", "nmi", "ari", "test/elbo", "seconds"]
    spread = found.rows[0].spreads["acc"]
    values = list(scores["vae"].values())
    assert (spread.mean, spread.std) == pytest.approx((np.mean(values), np.std(values, ddof=1)))
    assert (spread.worst, spread.best, spread.n) == (0.60, 0.65, 3)
    assert found.rows[0].spreads["seconds"].mean == 3.5
    assert found.title == "By model, on digits"
    assert found.sentence == "6 runs: 2 settings, 3 seeds"
    assert "vae is ahead of ae by 11.00 (standard error 1.00)" in found.findings[0]


def test_what_is_written(tmp_path: Path) -> None:
    keep_sweep(tmp_path / "sweep", {"ae": {0: 0.50, 1: 0.52}, "vae": {0: 0.60, 1: 0.65}})
    (tmp_path / "sweep/3/report.html").write_text("")
    page = Comparison.of(read_runs([str(tmp_path / "sweep")])).write(tmp_path / "sweep")
    text = page.read_text()
    assert '<a href="3/report.html">1</a>' in text
    assert '<a href="0">0</a>' in text
    assert text.count("data:image/png;base64") == 4  # three scores and the bound
    with (tmp_path / "sweep/sweep.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["model"], row["n"]) for row in rows] == [("vae", "2"), ("ae", "2")]
    assert float(rows[0]["acc_mean"]) == pytest.approx(0.625)
    assert float(rows[1]["test/elbo_worst"]) == -41
    with (tmp_path / "sweep/runs.csv").open() as file:
        assert {(row["model"], row["seed"], row["acc"]) for row in csv.DictReader(file)} == {
            ("ae", "0", "0.5"),
            ("ae", "1", "0.52"),
            ("vae", "0", "0.6"),
            ("vae", "1", "0.65"),
        }
    assert "| vae | 2 | **62.50 ± 3.54** (60.00 … 65.00) |" in (tmp_path / "sweep/sweep.md").read_text()


def test_without_labels_scores_that_need_none(tmp_path: Path) -> None:
    for seed in (0, 1):
        keep_run(tmp_path / str(seed), [f"seed={seed}"], None, seed)
    found = Comparison.of(read_runs([str(tmp_path)]))
    assert [measure.key for measure in found.measures][:2] == ["silhouette", "davies_bouldin"]
    assert found.title == "By seed, on digits"
    assert [row.name for row in found.rows] == ["VAE on digits"]
    assert found.findings == []


def test_what_became_of_jobs_without_a_result(tmp_path: Path) -> None:
    keep_sweep(tmp_path, {"ae": {0: 0.50, 1: 0.52}, "vae": {0: 0.60, 1: 0.65, 2: 0.61}})
    keep_state(tmp_path / "1", State("failed", "the disk is <full>"))
    (tmp_path / "2/job.json").unlink()
    shutil.rmtree(tmp_path / "4")
    found = Comparison.of(read_runs([str(tmp_path)]))
    assert {r.folder.name: r.state.status for r in found.problems} == {
        "1": "failed",
        "2": "stopped",
        "4": "waiting",
    }
    assert [(row.name, row.n) for row in found.rows] == [("vae", 1), ("ae", 1)]
    text = found.write(tmp_path, "python -m latentclust sweep.resume=x").read_text()
    assert "the disk is &lt;full&gt;" in text
    assert "sweep.resume=x" in text


def test_runs_of_several_places_are_grouped_by_what_differs(tmp_path: Path) -> None:
    keep_run(tmp_path / "a/0", ["model=vae"], 0.5, 0)
    keep_run(tmp_path / "a/1", ["model=vae", "model.latent_dim=1e1", "seed=1"], 0.6, 1)
    keep_run(tmp_path / "b", ["model=vae", "model.latent_dim=5"], 0.7, 0, model__latent_dim=5)
    # From Python there are no overrides, and the settings tell.
    keep_run(tmp_path / "c", [], 0.8, 0, trainer__max_epochs=9)
    keep_run(tmp_path / "d", ["task=evaluate"], 0.9, 0, task={"name": "evaluate"})
    records = read_runs([f"{tmp_path}/a", f"{tmp_path}/[bcd]", f"{tmp_path}/b"])
    groups = group_runs(records)
    assert {group.name: len(group.records) for group in groups} == {
        "latent_dim=10 max_epochs=3": 2,
        "latent_dim=5 max_epochs=3": 1,
        "latent_dim=10 max_epochs=9": 1,
    }


def test_early_stopping_tells_runs_apart_and_the_other_callbacks_do_not(tmp_path: Path) -> None:
    """Runs that stop at other epochs differ in more than their seeds."""
    for number, (patience, every) in enumerate([(1, 1), (1, 5), (9, 1), (9, 5)]):
        callbacks = {
            "early_stopping": {"patience": patience, "min_delta": 0.0},
            "checkpoint": {"every_n_epochs": every, "seconds_apart": 30.0},
            "cluster_accuracy": {"every_n_epochs": every},
        }
        given = [
            f"callbacks.early_stopping.patience={patience}",
            f"callbacks.checkpoint.every_n_epochs={every}",
            f"callbacks.cluster_accuracy.every_n_epochs={every}",
            f"seed={number}",
        ]
        keep_run(tmp_path / "given" / str(number), given, 0.5, number, callbacks=callbacks)
        # As callbacks=early_stopping gives it: the settings alone tell.
        chosen = ["callbacks=early_stopping"] if patience == 9 else []
        keep_run(tmp_path / "chosen" / str(number), chosen, 0.5, number, callbacks=callbacks)
    for place in ("given", "chosen"):
        groups = group_runs(read_runs([str(tmp_path / place)]))
        assert {group.name: [run.seed for run in group.records] for group in groups} == {
            "patience=1": ["0", "1"],
            "patience=9": ["2", "3"],
        }


def test_a_run_without_a_result_adds_no_column(tmp_path: Path) -> None:
    keep_run(tmp_path / "single", ["model=vae", "model.latent_dim=10"], 0.5, 0)
    keep_sweep(tmp_path / "sweep", {"vae": {0: 0.5, 1: 0.6}})
    keep_state(tmp_path / "sweep/1", State("failed", "why"))
    (group,) = group_runs(read_runs([str(tmp_path / "*")]))
    assert group.settings == {}
    assert len(group.records) == 3


def test_a_loss_is_best_in_no_row(tmp_path: Path) -> None:
    rows = [
        Row(name, {"model": name}, {"acc": spread([acc]), "train/loss": spread([loss])}, 1)
        for name, acc, loss in (("kmeans", 0.7, 0.3), ("gmm", 0.8, 1.6))
    ]
    acc, loss = columns_of([*LABELED[:1], *OBJECTIVES[-1:]])
    assert [cell.is_best for cell in acc.cells(rows)] == [False, True]
    assert [cell.is_best for cell in loss.cells(rows)] == [False, False]


def test_what_a_choice_brings_along_is_said(tmp_path: Path) -> None:
    keep_run(tmp_path / "0", ["model=ae"], 0.5, 0, model={"name": "ae"}, data__pool="train")
    keep_run(tmp_path / "1", ["model=vae"], 0.5, 0, model={"name": "vae", "beta": 1.0})
    groups = group_runs(read_runs([str(tmp_path)]))
    assert unequal(groups) == {"data.pool": ["train", "all"]}
    (line,) = Comparison.of(read_runs([str(tmp_path)])).warnings
    assert line.startswith("Beside model these differ too: data.pool (train, all)")
    assert "experiment=compare" in line


def test_the_time_of_a_part_is_no_time(tmp_path: Path) -> None:
    keep_run(tmp_path / "0", [], 0.5, 0, ckpt_path="last.ckpt")
    assert "seconds" not in read_run(tmp_path / "0").scores


@pytest.mark.parametrize("pattern", ["nowhere", "*/nothing", "."])
def test_where_there_is_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pattern: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LatentclustError, match=re.escape(f"no run in '{pattern}'")):
        read_runs([pattern])


def test_the_task_compares_single_runs(latentclust: Command, tmp_path: Path) -> None:
    for seed in (0, 1):
        keep_run(tmp_path / f"run{seed}", [f"seed={seed}"], 0.5, seed)
    outcome = latentclust("task=compare", "runs=[run0,run1]")
    assert outcome.status == 0, outcome.err
    assert "VAE on digits" in outcome.out
    assert outcome.folder is not None
    assert "2 runs: 1 setting, 2 seeds." in (outcome.folder / "sweep.html").read_text()
    wrong = latentclust("task=compare", "runs='outputs/x*'")
    assert (wrong.status, wrong.err.count("\n")) == (2, 1)
    assert "there is no run in 'outputs/x*'" in wrong.err
