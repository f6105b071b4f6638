"""Training, as commands on small data."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from latentclust import data as data_room
from latentclust import tasks
from latentclust.models import AE, VAE, LatentModel, VaDE
from latentclust.networks import Decoder, Encoder
from tests.conftest import Command, same_weights

MODELS = ["ae", "vae", "vade"]


class LatentMine(LatentModel):
    """What README says that a new model is."""

    def __init__(self, input_shape: list[int], widths: list[int], latent_dim: int, **options: Any) -> None:
        for name in ("reconstruction", "channels"):
            options.pop(name)
        super().__init__(**options)
        self.save_hyperparameters(logger=False)
        self.encoder = Encoder(input_shape, widths, latent_dim)
        self.decoder = Decoder(latent_dim, widths, input_shape)

    def objective(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"loss": (self(x) - x).abs().mean()}

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        return self.encoder(x)


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


def test_a_small_pool_fills_an_epoch_by_coming_several_times(latentclust: Command) -> None:
    once = latentclust("experiment=tiny_ae", "trainer.max_epochs=1")
    outcome = latentclust("experiment=tiny_ae", "trainer.max_epochs=1", "data.min_images_per_epoch=1001")
    assert "An epoch goes 3 times over the 400 images" in " ".join(outcome.out.split())
    assert "An epoch goes" not in once.out
    for run, steps in ((once, 8), (outcome, 24)):
        assert run.folder is not None
        checkpoint = torch.load(run.folder / "checkpoints/last.ckpt", weights_only=True)
        assert checkpoint["global_step"] == steps


def test_tensorboard_gets_the_curves_and_the_final_metrics_with_the_settings(latentclust: Command) -> None:
    outcome = latentclust("experiment=tiny_vade")
    events = EventAccumulator(str(outcome.folder / "tensorboard")).Reload()  # type: ignore[operator]
    for name in ("train/elbo", "cluster/acc", "learning_rate/networks", "perf/samples_per_second"):
        assert [event.step for event in events.Scalars(name)] == sorted(
            {e.step for e in events.Scalars(name)}
        )
        assert len(events.Scalars(name)) == 3
    final = events.Scalars("final/cluster/acc")[0].value
    assert final == pytest.approx(outcome.summary["metrics"]["cluster/acc"])
    content = events.summary_metadata["_hparams_/session_start_info"].plugin_data.content
    session = HParamsPluginData.FromString(content).session_start_info
    assert session.hparams["n_clusters"].number_value == 10


def test_a_checkpoint_loads_without_hydra(latentclust: Command) -> None:
    for name, kind in (("ae", AE), ("vae", VAE), ("vade", VaDE)):
        outcome = latentclust(f"experiment=tiny_{name}")
        assert outcome.folder is not None
        model = kind.load_from_checkpoint(outcome.folder / "checkpoints/last.ckpt", weights_only=True)
        assert model.decode(torch.zeros(2, 4)).shape == (2, 1, 8, 8)


@pytest.mark.parametrize("name", ["vade", "guided"])
def test_shuffled_labels_change_no_weight(
    latentclust: Command, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    command = [f"experiment=tiny_{name}", "model.pretrain.cache=false", "trainer.max_epochs=2"]
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


@pytest.mark.parametrize("model", [*MODELS, "guided", "conv"])
def test_the_same_seed_gives_the_same_bits(latentclust: Command, model: str) -> None:
    two_stages = model in {"vade", "guided", "conv"}
    command = [f"experiment=tiny_{model}", *(["model.pretrain.cache=false"] if two_stages else [])]
    first = latentclust(*command).weights()
    assert same_weights(first, latentclust(*command).weights())
    assert not same_weights(first, latentclust(*command, "seed=1").weights())


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


def test_a_model_of_ones_own_needs_no_more_than_its_objective_and_encoder(
    latentclust: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(tasks.wiring.MODELS, "ae", LatentMine)
    outcome = latentclust("experiment=tiny_ae", "figures.at_end=true", "trainer.max_epochs=1")
    assert outcome.status == 0, outcome.err
    assert outcome.summary["model"] == "LatentMine"


def test_a_figure_that_fails_does_not_cost_the_numbers(
    latentclust: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tasks.show, "draw", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        latentclust("experiment=tiny_ae", "figures.at_end=true", "trainer.max_epochs=1")
    assert len(list(tmp_path.glob("outputs/*/*/summary.json"))) == 1
