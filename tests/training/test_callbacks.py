"""The callbacks, each watched through a Trainer on a small model."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import pytest
import torch
from torch import Tensor

from latentclust.data import Batch, DigitsDataModule, Split
from latentclust.errors import LatentclustError
from latentclust.evaluation import clustering_scores
from latentclust.models import AE, LatentModel, VaDE
from latentclust.training.callbacks import (
    Checkpoints,
    ClusterAccuracy,
    EpochSeed,
    History,
    ObjectiveTerms,
    Throughput,
    objective_terms,
)
from latentclust.training.inference import in_chunks
from latentclust.training.quiet import silence_known_warnings


def digits(**options: Any) -> DigitsDataModule:
    data = DigitsDataModule(limit=200, batch_size=60, **options)
    data.setup()
    return data


def vade(**options: Any) -> VaDE:
    torch.manual_seed(0)
    return VaDE([1, 8, 8], [24], 3, 10, **options)


def train(
    model: L.LightningModule,
    callbacks: list[L.Callback],
    folder: Path,
    epochs: int = 2,
    trainer_options: dict[str, Any] | None = None,
    checkpointing: bool = False,
    ckpt_path: Path | None = None,
    **options: Any,
) -> L.Trainer:
    silence_known_warnings()
    settings: dict[str, Any] = {"enable_progress_bar": False, "limit_val_batches": 0}
    trainer = L.Trainer(
        accelerator="cpu",
        max_epochs=epochs,
        callbacks=callbacks,
        logger=False,
        enable_checkpointing=checkpointing,
        enable_model_summary=False,
        default_root_dir=folder,
        **settings | (trainer_options or {}),
    )
    trainer.fit(model, datamodule=digits(**options), ckpt_path=ckpt_path, weights_only=True)
    return trainer


class Watch(L.Callback):
    """Keeps what the training step returned."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, dict[str, float]]] = []

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        self.seen.append((len(batch.x), {name: value.detach().item() for name, value in outputs.items()}))


@pytest.mark.parametrize("steps", [1, 3, 4])
def test_the_loss_is_the_sum_of_its_terms_however_many_steps_share_an_update(
    tmp_path: Path, steps: int
) -> None:
    history = History()
    accumulated = {"accumulate_grad_batches": steps}
    train(AE([1, 8, 8], [24], 3), [ObjectiveTerms(), history], tmp_path, trainer_options=accumulated)
    terms = {name: values[-1][1] for name, values in history.metrics.items()}
    assert terms["train/loss"] == pytest.approx(terms["train/reconstruction"], rel=1e-5)


@pytest.mark.parametrize(("least", "images"), [(None, 200), (401, 600)])
def test_an_image_counts_as_often_as_an_epoch_goes_over_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, least: int | None, images: int
) -> None:
    seconds = iter((10.0, 12.0))
    monkeypatch.setattr("latentclust.training.callbacks.throughput.perf_counter", lambda: next(seconds))
    history = History()
    train(vade(), [Throughput(), history], tmp_path, epochs=1, min_images_per_epoch=least)
    assert history.final()["perf/samples_per_second"] == images / 2


@pytest.mark.parametrize("slow", ["before", "after"])
def test_images_per_second_count_training_steps_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slow: str
) -> None:
    class Clock:
        now = 0.0

    class Slow(L.Callback):
        """Takes an hour wherever no training step is run, and a second in each step."""

        def on_train_epoch_start(self, *args: Any) -> None:
            Clock.now += 3600

        on_train_epoch_end = on_validation_start = on_validation_end = on_train_epoch_start

        def on_train_batch_end(self, *args: Any) -> None:
            Clock.now += 1

    monkeypatch.setattr("latentclust.training.callbacks.throughput.perf_counter", lambda: Clock.now)
    history, throughput = History(), Throughput()
    callbacks = [Slow(), throughput, history] if slow == "before" else [throughput, history, Slow()]
    train(vade(), callbacks, tmp_path, trainer_options={"limit_val_batches": None}, pool="train")
    # Three batches of 60 and one of 20; after the last one the clock may stop before or after the callback.
    seconds = {"before": 4, "after": 3}[slow]
    assert [value for _, value in history.metrics["perf/samples_per_second"]] == [
        pytest.approx(200 / seconds)
    ] * 2


@pytest.mark.parametrize("kept", [1, 2, 3, 256])
def test_terms_are_means_over_images_not_over_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    monkeypatch.setattr(objective_terms, "KEPT", kept)
    watch, history = Watch(), History()
    train(vade(), [watch, ObjectiveTerms(), history], tmp_path, epochs=1)
    sizes = [size for size, _ in watch.seen]
    assert sizes == [60, 60, 60, 20]
    for name in ("loss", "elbo", "reconstruction", "kl_z", "kl_c"):
        expected = np.average([terms[name] for _, terms in watch.seen], weights=sizes)
        assert history.metrics[f"train/{name}"][0] == (1, pytest.approx(expected, rel=1e-5))


@pytest.mark.parametrize("kept", [1, 2, 3, 256])
def test_the_first_term_that_is_not_finite_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    monkeypatch.setattr(objective_terms, "KEPT", kept)

    class Broken(AE):
        def objective(self, x: Tensor) -> dict[str, Tensor]:
            terms = super().objective(x)
            if len(x) == 20:  # the epoch's last batch
                terms["reconstruction"] = terms["loss"] = terms["loss"] / 0
            return terms

    with pytest.raises(
        LatentclustError, match=r"^reconstruction became NaN or infinite at step 4 of epoch 1"
    ):
        train(Broken([1, 8, 8], [24], 3), [ObjectiveTerms()], tmp_path)


def test_logged_scores_are_those_of_the_predictions(tmp_path: Path) -> None:
    model, history, data = vade(), History(), digits()
    train(model, [ClusterAccuracy(10), history], tmp_path)
    clusters = in_chunks(model.eval().predict, data.pool.inputs)
    expected = clustering_scores(clusters, data.pool.labels)
    for name in ("acc", "nmi", "ari", "used"):
        assert history.metrics[f"cluster/{name}"][-1] == (2, pytest.approx(getattr(expected, name), abs=1e-6))
    assert data.test is not None
    test = clustering_scores(clusters[data.test_slice], data.test.labels)
    assert history.metrics["cluster_test/acc"][-1][1] == pytest.approx(test.acc)


def test_scores_of_a_sample_are_those_of_its_images(tmp_path: Path) -> None:
    model, history, data = vade(), History(), digits()
    measure = ClusterAccuracy(10, n_images=90)
    train(model, [measure, history], tmp_path)
    assert measure.inputs is not None
    assert len(measure.inputs.pool) == 90
    clusters = in_chunks(model.eval().predict, measure.inputs.pool.inputs)
    expected = clustering_scores(clusters, measure.inputs.pool.labels)
    assert history.metrics["cluster/acc"][-1] == (2, pytest.approx(expected.acc, abs=1e-6))
    pool = {(image.numpy().tobytes(), int(label)) for image, label in labeled(data.pool)}
    assert all((image.numpy().tobytes(), int(label)) in pool for image, label in labeled(measure.inputs.pool))


def labeled(split: Split) -> Iterator[tuple[Tensor, Tensor]]:
    assert split.labels is not None
    return zip(split.inputs, split.labels, strict=True)


def test_checkpoints_keep_their_distance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 1000, 10))  # every look at the clock is ten seconds after the one before
    monkeypatch.setattr("latentclust.training.callbacks.checkpoints.monotonic", lambda: float(next(clock)))
    epochs: list[int] = []
    save = L.Trainer.save_checkpoint

    def noted(self: L.Trainer, *arguments: Any, **options: Any) -> None:
        epochs.append(self.current_epoch)
        save(self, *arguments, **options)

    monkeypatch.setattr(L.Trainer, "save_checkpoint", noted)

    def written(every: int, apart: float) -> list[int]:
        epochs.clear()
        trainer = L.Trainer(
            accelerator="cpu",
            max_epochs=7,
            callbacks=[ObjectiveTerms(), Checkpoints(tmp_path / f"{every}-{apart}", every, apart)],
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            limit_val_batches=0,
        )
        trainer.fit(vade(), datamodule=digits())
        return sorted(set(epochs))

    assert written(1, 0) == [0, 1, 2, 3, 4, 5, 6]
    assert written(3, 0) == [0, 2, 5, 6]
    assert written(1, 25) == [0, 2, 5, 6]  # looked at 10, 20, 30 seconds after the last one
    assert written(1, 1e9) == [0, 6]


@pytest.mark.parametrize(
    ("monitor", "mode", "best"),
    [
        ("train/loss", "min", 3),
        ("train/loss", "max", 1),
        ("train/elbo", "max", 3),
        ("test/elbo", "max", None),
    ],
)
def test_last_is_the_last_epoch_and_best_the_best_one(
    tmp_path: Path, monitor: str, mode: str, best: int | None
) -> None:
    """The loss falls in each epoch; nothing is validated, so that there is no test/elbo."""
    checkpoints = Checkpoints(tmp_path, monitor=monitor, mode=mode)
    train(vade(), [ObjectiveTerms(), checkpoints], tmp_path, epochs=3, checkpointing=True)
    steps = {p.stem: torch.load(p, weights_only=True)["global_step"] for p in tmp_path.glob("*.ckpt")}
    assert steps == {"last": 3 * 4} | ({} if best is None else {"best": best * 4})


@pytest.mark.parametrize(("every", "epochs"), [(1, [0, 1, 2, 3, 4]), (3, [0, 3]), (0, [])])
def test_scores_come_every_n_epochs(tmp_path: Path, every: int, epochs: list[int]) -> None:
    history = History()
    train(vade(), [ObjectiveTerms(), ClusterAccuracy(10, every), history], tmp_path, epochs=4)
    assert [epoch for epoch, _ in history.metrics.get("cluster/acc", [])] == epochs
    assert [epoch for epoch, _ in history.metrics["train/loss"]] == [1, 2, 3, 4]


def test_an_autoencoder_is_judged_by_kmeans_and_a_mixture(tmp_path: Path) -> None:
    history = History()
    train(AE([1, 8, 8], [24], 3), [ClusterAccuracy(10), history], tmp_path, epochs=1)
    assert {"kmeans/acc", "gmm/acc", "kmeans_test/nmi", "gmm_test/ari"} <= history.metrics.keys()


def test_noise_depends_on_seed_stage_and_epoch_alone(tmp_path: Path) -> None:
    class Draw(L.Callback):
        def __init__(self) -> None:
            self.drawn: list[float] = []

        def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
            self.drawn.append(torch.rand(1).item())

    def draws(seed: int, stage: str, disturb: int) -> list[float]:
        torch.manual_seed(disturb)
        draw = Draw()
        train(AE([1, 8, 8], [24], 3), [EpochSeed(seed, stage), draw], tmp_path)
        return draw.drawn

    first = draws(0, "train", disturb=1)
    assert first == draws(0, "train", disturb=2)
    assert len({*first, *draws(1, "train", disturb=1), *draws(0, "pretrain", disturb=1)}) == 6


def test_every_model_trains_and_lowers_its_loss(tmp_path: Path) -> None:
    from latentclust.models import VAE

    models: list[LatentModel] = [
        AE([1, 8, 8], [24], 3),
        VAE([1, 8, 8], [24], 3),
        vade(gamma="exact", n_samples=2),
    ]
    for model in models:
        history = History()
        train(model, [ObjectiveTerms(), history], tmp_path, epochs=5)
        losses = [value for _, value in history.metrics["train/loss"]]
        assert losses[-1] < losses[0]
