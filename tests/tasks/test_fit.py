"""Training, as commands on small data."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from latentclust import data as data_room
from latentclust import tasks
from latentclust.models import AE, VAE, VaDE
from tests.conftest import Command, same_weights

MODELS = ["ae", "vae", "vade"]


@pytest.mark.parametrize("model", MODELS)
def test_a_run_leaves_what_it_promises(latentclust: Command, model: str) -> None:
    outcome = latentclust(f"experiment=tiny_{model}", "figures.at_end=true")
    assert outcome.status == 0, outcome.err
    folder = outcome.folder
    assert folder is not None
    for name in (
        ".hydra/config.yaml",
        "checkpoints/last.ckpt",
        "checkpoints/best.ckpt",
        "metrics.csv",
        "summary.json",
        "report.html",
        "latentclust.log",
        "figures/latent.png",
        "figures/curves.png",
    ):
        assert (folder / name).stat().st_size > 0, name
    assert list((folder / "tensorboard").glob("events.*"))
    assert str(folder) in outcome.out.replace("\n", "")
    summary = outcome.summary
    assert summary["results"][0]["method"] == "k-means on pixels"
    assert summary["config"]["network"]["widths"] == [32, 16]
    assert set(summary["seconds"]) >= {"data", "train", "evaluate", "show"}
    assert all(0 <= row["pool"][score] <= 1 for row in summary["results"] for score in ("acc", "nmi"))
    assert all(row["test"] is not None for row in summary["results"])


def test_the_curves_of_vade_are_logged_every_epoch(latentclust: Command) -> None:
    outcome = latentclust("experiment=tiny_vade")
    assert outcome.folder is not None
    with (outcome.folder / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    for name in (
        "train/elbo",
        "train/reconstruction",
        "train/kl_z",
        "train/kl_c",
        "cluster/acc",
        "cluster/used",
    ):
        assert sum(bool(row[name]) for row in rows) == 3, name
    logged = next(row for row in rows if row["train/elbo"])
    terms = sum(float(logged[f"train/{name}"]) for name in ("reconstruction", "kl_z", "kl_c"))
    assert float(logged["train/elbo"]) == pytest.approx(-terms, rel=1e-5)
    # No score is better than what the final table says of the last epoch.
    assert outcome.summary["metrics"]["cluster/acc"] == pytest.approx(
        float(rows[-1]["cluster/acc"] or "nan"), abs=1e-6
    )


def test_a_checkpoint_loads_without_hydra(latentclust: Command) -> None:
    for name, kind in (("ae", AE), ("vae", VAE), ("vade", VaDE)):
        outcome = latentclust(f"experiment=tiny_{name}")
        assert outcome.folder is not None
        model = kind.load_from_checkpoint(outcome.folder / "checkpoints/last.ckpt", weights_only=True)
        assert model.decode(torch.zeros(2, 4)).shape == (2, 1, 8, 8)


def test_shuffled_labels_change_no_weight(latentclust: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    # Without data.limit, which chooses its images by their labels.
    command = [
        "experiment=tiny_vade",
        "data.limit=null",
        "model.pretrain.cache=false",
        "trainer.max_epochs=2",
    ]
    honest = latentclust(*command).weights()
    load = data_room.DigitsDataModule.load

    def shuffled(self: data_room.DigitsDataModule) -> data_room.Source:
        source = load(self)
        for split in (source.train, source.test):
            assert split is not None
            assert split.labels is not None
            split.labels.copy_(split.labels[torch.randperm(len(split.labels))])
        return source

    monkeypatch.setattr(data_room.DigitsDataModule, "load", shuffled)
    assert same_weights(honest, latentclust(*command).weights())


@pytest.mark.parametrize("model", MODELS)
def test_the_same_seed_gives_the_same_bits(latentclust: Command, model: str) -> None:
    command = [f"experiment=tiny_{model}", *(["model.pretrain.cache=false"] if model == "vade" else [])]
    first = latentclust(*command).weights()
    assert same_weights(first, latentclust(*command).weights())
    assert not same_weights(first, latentclust(*command, "seed=1").weights())


def test_a_cached_pretraining_changes_nothing(latentclust: Command) -> None:
    fresh = latentclust("experiment=tiny_vade")
    cached = latentclust("experiment=tiny_vade")
    assert "pretrain" in fresh.summary["seconds"]
    assert "pretrain" not in cached.summary["seconds"]
    assert same_weights(fresh.weights(), cached.weights())
    assert [row["pool"] for row in fresh.summary["results"]] == [
        row["pool"] for row in cached.summary["results"]
    ]


@pytest.mark.parametrize("model", MODELS)
def test_a_continued_run_ends_like_one_never_stopped(latentclust: Command, model: str) -> None:
    # A schedule that does not depend on how many epochs are planned.
    command = [f"experiment=tiny_{model}", "model.optimizer.schedule=constant"]
    whole = latentclust(*command)
    latentclust(*command, "trainer.max_epochs=1")
    continued = latentclust("ckpt_path=last", "trainer.max_epochs=3")
    assert continued.status == 0, continued.err
    assert same_weights(whole.weights(), continued.weights())
    timeless = {name for name in whole.summary["metrics"] if not name.startswith("perf/")}
    assert {name: continued.summary["metrics"][name] for name in timeless} == {
        name: whole.summary["metrics"][name] for name in timeless
    }


def test_a_continued_run_takes_a_new_learning_rate(latentclust: Command) -> None:
    latentclust("experiment=tiny_ae", "trainer.max_epochs=1", "model.optimizer.schedule=constant")
    continued = latentclust("ckpt_path=last", "trainer.max_epochs=2", "model.optimizer.learning_rate=1e-5")
    assert continued.summary["metrics"]["learning_rate/networks"] == 1e-5


@pytest.mark.parametrize("every", [1, 2, 5])
def test_last_is_the_model_that_was_measured(latentclust: Command, every: int) -> None:
    fitted = latentclust("experiment=tiny_ae", f"callbacks.checkpoint.every_n_epochs={every}")
    assert fitted.folder is not None
    assert torch.load(fitted.folder / "checkpoints/last.ckpt", weights_only=True)["global_step"] == 3 * 8


def test_gradients_are_clipped_in_either_precision(latentclust: Command) -> None:
    for precision in ("32-true", "bf16-mixed"):
        outcome = latentclust(
            "experiment=tiny_ae", "trainer.gradient_clip_val=1", f"trainer.precision={precision}"
        )
        assert outcome.status == 0, outcome.err


def test_the_images_held_out_are_measured_and_not_trained_on(
    latentclust: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    step = AE.training_step

    def counting(self: AE, batch: torch.Tensor, batch_idx: int) -> dict[str, torch.Tensor]:
        seen.append(len(batch))
        return step(self, batch, batch_idx)

    monkeypatch.setattr(AE, "training_step", counting)
    outcome = latentclust("experiment=tiny_ae", "trainer.max_epochs=1")
    assert sum(seen) == 400  # the pool is the training images alone, and limit counts the pool
    assert "test/loss" in outcome.summary["metrics"]
    assert outcome.summary["metrics"]["test/loss"] != outcome.summary["metrics"]["train/loss"]


def test_a_sweep_runs_every_combination_and_outlives_a_failure(latentclust: Command, tmp_path: Path) -> None:
    outcome = latentclust("-m", "experiment=tiny_ae,tiny_vae", "seed=0,1", "trainer.max_epochs=1")
    assert outcome.status == 0, outcome.err
    summaries = [
        json.loads(path.read_text()) for path in tmp_path.glob("outputs/multirun/*/*/*/summary.json")
    ]
    assert {(s["model"], s["seed"]) for s in summaries} == {("AE", 0), ("AE", 1), ("VAE", 0), ("VAE", 1)}


def test_a_failed_job_does_not_stop_the_sweep(latentclust: Command, tmp_path: Path) -> None:
    outcome = latentclust("-m", "experiment=tiny_ae", "data.batch_size=9999,8888,50", "trainer.max_epochs=1")
    assert outcome.status == 2
    assert "job 0 of the sweep: batch_size=9999" in outcome.err
    assert "job 1 of the sweep: batch_size=8888" in outcome.err
    assert "Traceback" not in outcome.err
    assert len(list(tmp_path.glob("outputs/multirun/*/*/*/summary.json"))) == 1


def test_unlabeled_images_of_ones_own(latentclust: Command, tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (120, 6, 6), dtype=np.uint8)
    np.savez(tmp_path / "mine.npz", images=images)
    outcome = latentclust(
        "experiment=tiny_vade",
        "data=files",
        f"data.path={tmp_path}/mine.npz",
        "n_clusters=3",
        "data.limit=null",
    )
    assert outcome.status == 0, outcome.err
    assert outcome.summary["results"][-1]["pool"]["acc"] is None
    assert outcome.summary["clusters"]["used"] <= 3


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_both_precisions_train(latentclust: Command, precision: str) -> None:
    outcome = latentclust("experiment=tiny_vade", f"trainer.precision={precision}")
    assert outcome.status == 0, outcome.err
    assert np.isfinite(outcome.summary["metrics"]["train/elbo"])


def test_the_sweepers_metric_is_label_free_unless_asked_for(
    latentclust: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    returned: list[float | None] = []
    run_task = tasks.run_task
    monkeypatch.setattr(tasks, "run_task", lambda cfg: returned.append(run_task(cfg)))
    command = ["experiment=tiny_vade", "trainer.max_epochs=1"]
    metrics = latentclust(*command).summary["metrics"]
    latentclust(*command, "optimized_metric=cluster/acc")
    assert returned == [metrics["train/loss"], metrics["cluster/acc"]]
