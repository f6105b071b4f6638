"""A pretraining comes out of the cache only where training it again would give the same weights."""

from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from latentclust.runs.pretrained import cache_path
from latentclust.training.builders import build_data
from tests.conftest import REPOSITORY, TINY_CONF


@pytest.fixture(scope="module")
def cfg() -> DictConfig:
    with initialize_config_dir(str(REPOSITORY / "conf"), version_base="1.3"):
        return compose(
            "config",
            overrides=[
                f"hydra.searchpath=[file://{TINY_CONF}]",
                "experiment=tiny_vade",
                "data.limit=60",
                "data.batch_size=20",
            ],
        )


def place(cfg: DictConfig, *changes: str) -> Path:
    changed = OmegaConf.merge(cfg, OmegaConf.from_dotlist(list(changes)))
    assert isinstance(changed, DictConfig)
    assert (changed == cfg) is not bool(changes)
    return cache_path(changed, build_data(changed))


@pytest.mark.parametrize(
    "change",
    [
        "seed=1",
        "data.batch_size=19",
        "data.limit=61",
        "data.min_images_per_epoch=61",
        "network.widths=[32,8]",
        "model.latent_dim=5",
        "model.pretrain.max_epochs=3",
        "model.pretrain.reconstruction=bernoulli",
        "model.pretrain.optimizer.learning_rate=1e-4",
        "model.pretrain.optimizer.schedule=cosine",
        "trainer.precision=bf16-mixed",
        "trainer.deterministic=false",
        "trainer.gradient_clip_val=1",
    ],
)
def test_what_changes_the_weights_changes_the_place(cfg: DictConfig, change: str) -> None:
    assert place(cfg, change) != place(cfg)


@pytest.mark.parametrize(
    "change",
    [
        "model.gamma=exact",
        "n_clusters=5",
        "model.optimizer.learning_rate=1e-4",
        "trainer.max_epochs=7",
        "init.name=kmeans",
        "augment.degrees=10",  # of the second stage alone
        "figures.at_end=true",
    ],
)
def test_what_belongs_to_the_second_stage_does_not(cfg: DictConfig, change: str) -> None:
    assert place(cfg, change) == place(cfg)


def test_augmentation_counts_where_the_pretraining_has_it(cfg: DictConfig) -> None:
    with_it = "model.pretrain.augment=true"
    assert len({place(cfg, with_it, f"augment.degrees={degrees}") for degrees in (0, 5, 10)}) == 3


def test_other_images_of_the_same_shape_are_another_pretraining(cfg: DictConfig) -> None:
    data = build_data(cfg)
    before = cache_path(cfg, data)
    other = build_data(cfg)
    other.pool.images[0, 0, 0, 0] += 1
    assert cache_path(cfg, other) != before


def test_another_number_of_threads_rounds_differently(
    cfg: DictConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = set()
    for threads in (1, 2):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        places.add(place(cfg))
    assert len(places) == 2
