"""Training, as commands on small data."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from latentclust import tasks
from latentclust.data.batches import Batch
from latentclust.gallery import show
from latentclust.models import AE, VAE, LatentModel, VaDE
from latentclust.modules.decoders import Decoder
from latentclust.modules.networks import Encoder
from latentclust.registry import MODELS as REGISTERED
from tests.conftest import DRAWN, Command, first_of, same_weights

MODELS = ["ae", "vae", "vade"]


class LatentMine(LatentModel):
    """What README says that a new model is."""

    def __init__(self, input_shape: list[int], widths: list[int], latent_dim: int, **options: Any) -> None:
        for name in ("likelihood", "channels"):
            options.pop(name)
        super().__init__(**options)
        self.save_hyperparameters(logger=False)
        self.encoder = Encoder(input_shape, widths, latent_dim)
        self.decoder = Decoder(latent_dim, widths, input_shape)

    def objective(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"loss": (self(x) - x).abs().mean()}

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        return self.encoder(x)


@pytest.mark.parametrize("model", first_of("vade", "ae", "vae"))
def test_a_run_leaves_what_it_promises(trained: Command, model: str) -> None:
    outcome = trained(f"experiment=tiny_{model}", *DRAWN)
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
    # Where the run itself had it; this is a copy.
    assert folder.relative_to(folder.parents[2]).as_posix() in outcome.out.replace("\n", "")
    summary = outcome.summary
    assert summary["results"][0]["method"] == "k-means on pixels"
    assert summary["config"]["network"]["widths"] == [32, 16]
    assert set(summary["seconds"]) >= {"data", "train", "evaluate", "show"}
    assert all(0 <= row["pool"][score] <= 1 for row in summary["results"] for score in ("acc", "nmi"))
    assert all(row["test"] is not None for row in summary["results"])


def test_the_curves_of_vade_are_logged_every_epoch(trained: Command) -> None:
    outcome = trained("experiment=tiny_vade")
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


def test_a_pool_smaller_than_a_batch_is_one_batch(latentclust: Command) -> None:
    outcome = latentclust("experiment=tiny_ae", "trainer.max_epochs=2", "data.batch_size=401")
    assert outcome.status == 0, outcome.err
    assert outcome.folder is not None
    checkpoint = torch.load(outcome.folder / "checkpoints/last.ckpt", weights_only=True)
    assert checkpoint["global_step"] == 2


def test_best_follows_the_bound_and_not_the_loss(latentclust: Command) -> None:
    # After the second fit the loss is a new one: its partition is another, and it weighs more.
    outcome = latentclust("experiment=tiny_guided")
    assert outcome.folder is not None
    best, last = (
        torch.load(outcome.folder / f"checkpoints/{name}.ckpt", weights_only=True)
        for name in ("best", "last")
    )
    curves = last["callbacks"]["History"]["metrics"]
    bound, loss = curves["train/elbo"], curves["train/loss"]
    assert best["epoch"] + 1 == max(bound, key=lambda point: point[1])[0]
    assert best["epoch"] + 1 != min(loss, key=lambda point: point[1])[0]
    assert last["epoch"] + 1 == 3
    # Held epochs say what the loss has; in the others it is the bound.
    assert [epoch for epoch, _ in curves["train/trained_kl_z"]] == [1, 3]


def test_a_checkpoint_loads_without_hydra(trained: Command) -> None:
    for name, kind in (("ae", AE), ("vae", VAE), ("vade", VaDE)):
        outcome = trained(f"experiment=tiny_{name}")
        assert outcome.folder is not None
        model = kind.load_from_checkpoint(outcome.folder / "checkpoints/last.ckpt", weights_only=True)
        assert model.decode(torch.zeros(2, 4)).shape == (2, 1, 8, 8)


# The last is the default recipe's start and refit: neighbors among the images, UMAP, and a vote.
@pytest.mark.parametrize("name", first_of("guided", "vade", "conv"))
def test_shuffled_labels_change_no_weight(latentclust: Command, tmp_path: Path, name: str) -> None:
    # A file's images and none by data.limit, so that no label has a say in which they are.
    digits = load_digits()
    images, labels = (digits.images[:300] * 15).astype(np.uint8), digits.target[:300]
    command = [
        f"experiment=tiny_{name}",
        "data=files",
        "data.path=mine.npz",
        "data.limit=null",
        "model.pretrain.cache=false",
    ]
    found, scores = [], []
    for order in (np.arange(300), np.random.default_rng(0).permutation(300)):
        np.savez(tmp_path / "mine.npz", images=images, labels=labels[order])
        outcome = latentclust(*command)
        assert outcome.status == 0, outcome.err
        assert outcome.summary["config"]["init"].get("refit") == ("vote" if name == "conv" else None)
        found.append(outcome.weights())
        scores.append([row["pool"] for row in outcome.summary["results"]])
    assert scores[0] != scores[1]  # the labels did change
    assert same_weights(*found)


def test_the_images_held_out_are_measured_and_not_trained_on(
    latentclust: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    step = AE.training_step

    def counting(self: AE, batch: Batch, batch_idx: int) -> dict[str, torch.Tensor]:
        seen.append(len(batch.x))
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
    # Only the images themselves tell how many there are.
    outcome = latentclust("-m", "experiment=tiny_ae", "data.limit=9999,8888,400", "trainer.max_epochs=1")
    assert outcome.status == 2
    assert "Job 0 of 3, data.limit=9999: failed: limit=9999" in outcome.err
    assert "Job 1 of 3, data.limit=8888: failed: limit=8888" in outcome.err
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


@pytest.mark.long
def test_the_sweepers_metric_is_label_free_unless_asked_for(
    latentclust: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    returned: list[float | None] = []
    fit = tasks.TASKS["fit"]
    monkeypatch.setitem(tasks.TASKS, "fit", lambda *given: returned.append(fit(*given)))
    command = ["experiment=tiny_vade", "trainer.max_epochs=1"]
    metrics = latentclust(*command).summary["metrics"]
    latentclust(*command, "optimized_metric=cluster/acc")
    held_out = latentclust("experiment=tiny_vae", "trainer.max_epochs=1").summary["metrics"]
    assert returned == [metrics["train/elbo"], metrics["cluster/acc"], held_out["test/elbo"]]


@pytest.mark.long
def test_a_model_of_ones_own_needs_no_more_than_its_objective_and_encoder(
    latentclust: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(REGISTERED, "ae", LatentMine)
    outcome = latentclust("experiment=tiny_ae", *DRAWN, "trainer.max_epochs=1")
    assert outcome.status == 0, outcome.err
    assert outcome.summary["model"] == "LatentMine"


def test_a_figure_that_fails_does_not_cost_the_numbers(
    latentclust: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(show, "draw", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        latentclust("experiment=tiny_ae", *DRAWN, "trainer.max_epochs=1")
    assert len(list(tmp_path.glob("outputs/*/*/summary.json"))) == 1
