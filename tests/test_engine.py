"""The engine trains from Python as the command line does."""

from pathlib import Path

import numpy as np
import pytest
import torch

from latentclust import engine
from latentclust.data import DigitsDataModule
from latentclust.data.points import make_points
from latentclust.errors import LatentclustError
from latentclust.evaluation.findings import Inputs
from latentclust.models import AE
from latentclust.runs.run import Run
from latentclust.settings import Settings, check_settings, settings_for
from tests.conftest import Command, same_weights


@pytest.mark.parametrize("name", ["ae", "vade"])
def test_a_run_from_python_has_the_bits_of_the_commands(
    latentclust: Command, tmp_path: Path, name: str
) -> None:
    run = latentclust(f"experiment=tiny_{name}", "model.pretrain.cache=false" if name == "vade" else "seed=0")
    assert run.status == 0, run.err
    settings = check_settings(run.summary["config"])
    data = DigitsDataModule(limit=400, batch_size=50, pool="train" if name == "ae" else "all")
    outcome = engine.fit(data, settings, Run(tmp_path / "mine"))
    mine = torch.load(tmp_path / "mine/checkpoints/last.ckpt", weights_only=True)["state_dict"]
    assert same_weights(mine, run.weights())
    assert [result.plain() for result in outcome.results] == run.summary["results"]
    assert outcome.summary.config == run.summary["config"]
    assert outcome.metric("objective") == outcome.summary.metrics[outcome.objective]


def small(**changes: object) -> Settings:
    return settings_for("ae", "digits", network="shallow", figures={"at_end": False}, **changes)  # type: ignore[arg-type]


def test_a_run_without_a_folder_gets_a_temporary_one() -> None:
    run = Run()
    outcome = engine.fit(DigitsDataModule(limit=60), small(trainer={"max_epochs": 1}), run)
    assert (run.folder / "summary.json").is_file()
    assert isinstance(outcome.model, AE)
    assert outcome.model.predict(np.zeros((2, 8, 8), dtype=np.uint8)).shape == (2,)
    assert Run().folder != run.folder


def test_the_settings_change_the_images_and_their_order() -> None:
    data = DigitsDataModule(limit=60)
    engine.fit(data, small(trainer={"max_epochs": 1}, augment="shift", seed=3))
    assert (data.seed, data.augmentation.pixels) == (3, 2.0)


def test_too_few_images_are_refused() -> None:
    with pytest.raises(LatentclustError, match="there are only 5 images"):
        engine.fit(DigitsDataModule(limit=5), small())


def test_points_are_partitioned() -> None:
    settings = settings_for("kmeans", "moons", figures={"at_end": False})
    points, labels = make_points("moons", 200, dims=2, noise=0.06, seed=0)
    outcome = engine.partition(Inputs(points, labels), settings)
    assert outcome.clusters.shape == (200,)
    assert set(outcome.clusters.tolist()) == {0, 1}
    with pytest.raises(LatentclustError, match="there are only 1 points"):
        engine.partition(Inputs(points[:1], labels[:1]), settings)
