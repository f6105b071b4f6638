"""A pretraining comes out of the cache only where training it again would give the same weights."""

from pathlib import Path
from typing import Any

import pytest
import torch

from latentclust.data import Augmentation, DataModule
from latentclust.engine.stages import resolved
from latentclust.runs.pretrained import FirstStage, cache_path
from latentclust.settings import Settings, settings_for
from latentclust.settings.data import PoolData
from latentclust.settings.model import Pretrained
from latentclust.training.builders import build_data
from tests.conftest import Command

TINY = {
    "network.channels": [],
    "network.widths": [32, 16],
    "augment.degrees": 0.0,
    "model.latent_dim": 4,
    "data.limit": 60,
    "data.batch_size": 20,
    "data.min_images_per_epoch": None,
    "trainer.accelerator": "cpu",
}


def settings(changes: dict[str, Any]) -> Settings:
    changed = settings_for("vade", "digits", **TINY | changes)
    assert (changed == settings_for("vade", "digits", **TINY)) is not bool(changes)
    return changed


def images(changed: Settings) -> DataModule:
    assert isinstance(changed.data, PoolData)
    data = build_data(changed.data, None, changed.seed, changed.n_clusters)
    settings = resolved(data, changed, told=False)
    data.augmentation = Augmentation(**settings.augment.model_dump())
    return data


def place(changes: dict[str, Any] | None = None, data: DataModule | None = None) -> Path:
    changed = settings(changes or {})
    data = data or images(changed)
    changed = resolved(data, changed, told=False)
    assert isinstance(changed.model, Pretrained)
    stage = FirstStage(changed.model, changed.network, changed.trainer, changed.seed, Path("outputs"))
    return cache_path(stage, data)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("seed", 1),
        ("data.batch_size", 19),
        ("data.limit", 61),
        ("data.min_images_per_epoch", 61),
        ("network.widths", [32, 8]),
        ("model.latent_dim", 5),
        ("model.pretrain.max_epochs", 3),
        ("model.pretrain.likelihood", "bernoulli"),
        ("model.pretrain.optimizer.learning_rate", 1e-4),
        ("model.pretrain.optimizer.schedule", "cosine"),
        ("trainer.precision", "bf16-mixed"),
        ("trainer.deterministic", False),
        ("trainer.gradient_clip_val", 1),
        ("trainer.devices", 2),
    ],
)
def test_what_changes_the_weights_changes_the_place(key: str, value: Any) -> None:
    assert place({key: value}) != place()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("model.gamma", "sample"),
        ("n_clusters", 5),
        ("model.optimizer.learning_rate", 1e-4),
        ("trainer.max_epochs", 7),
        ("init", "kmeans"),
        ("augment.degrees", 10),  # of the second stage alone
        ("figures.at_end", False),
        ("trainer.sync_batchnorm", False),  # a process alone sees whole batches anyway
    ],
)
def test_what_belongs_to_the_second_stage_does_not(key: str, value: Any) -> None:
    assert place({key: value}) == place()


def test_processes_that_see_whole_batches_pretrain_otherwise() -> None:
    assert (
        len({place({"trainer.devices": 2, "trainer.sync_batchnorm": shared}) for shared in (True, False)})
        == 2
    )


def test_how_processes_share_batches_is_code_that_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    read = Path.read_text

    def other(path: Path, *arguments: Any, **options: Any) -> str:
        text = read(path, *arguments, **options)
        return text + "#" if path.parts[-2:] == ("training", "strategy.py") else text

    before = place()
    monkeypatch.setattr(Path, "read_text", other)
    assert place() != before


def test_augmentation_counts_where_the_pretraining_has_it() -> None:
    with_it = {"model.pretrain.augment": True}
    assert len({place(with_it | {"augment.degrees": degrees}) for degrees in (0, 5, 10)}) == 3


@pytest.mark.long
def test_evaluate_finds_a_pretraining_that_was_augmented(latentclust: Command) -> None:
    short = ("experiment=tiny_vade", "data.limit=60", "n_clusters=3", "trainer.max_epochs=1")
    fitted = latentclust(*short, "augment=affine", "model.pretrain.augment=true")
    measured = latentclust("task=evaluate", "ckpt_path=last").summary["results"]
    assert [row["method"] for row in measured if "AE latents" in row["method"]]
    again = {row["method"]: row["pool"] for row in measured}
    of_the_run = {row["method"]: row["pool"] for row in fitted.summary["results"]}
    assert again.items() <= of_the_run.items()


def test_other_images_of_the_same_shape_are_another_pretraining() -> None:
    other = images(settings({}))
    other.pool.inputs[0, 0, 0, 0] += 1
    assert place(data=other) != place()


def test_another_number_of_threads_rounds_differently(monkeypatch: pytest.MonkeyPatch) -> None:
    places = set()
    for threads in (1, 2):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        places.add(place())
    assert len(places) == 2
