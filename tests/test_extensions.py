"""Models, starts and data sets of one's own, in a module and a configuration outside the checkout."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from latentclust.errors import LatentclustError
from latentclust.registry import MODELS, Registry, load_extensions
from tests.conftest import REPOSITORY

MODULE = """
from typing import Literal

import torch

from latentclust.clustering import fit_kmeans
from latentclust.data import DataModule, Source, Split
from latentclust.models import DEC
from latentclust.registry import register_data, register_model, register_start
from latentclust.settings import Section
from latentclust.settings.data import PoolData
from latentclust.settings.dec import SelfSharpening


class MineSettings(SelfSharpening):
    name: Literal["mine"]


@register_model("mine", settings=MineSettings)
class Mine(DEC):
    pass


class FirstSettings(Section):
    name: Literal["first"]
    n_init: int


@register_start("first", settings=FirstSettings)
def fit_first(z, n_clusters, *, seed=0, n_init=1):
    return fit_kmeans(z, n_clusters, seed=seed, n_init=n_init)


class StripesSettings(PoolData):
    name: Literal["stripes"]
    period: int


@register_data("stripes", settings=StripesSettings)
class Stripes(DataModule):
    def __init__(self, *, period, **options):
        super().__init__(**options)
        self.period = period

    def load(self):
        labels = torch.arange(120) % self.period
        images = torch.zeros(120, 1, 8, 8, dtype=torch.uint8)
        for image, label in zip(images, labels.tolist()):
            image[0, label :: self.period] = 255
        return Source(Split(images, labels), None, tuple(map(str, range(self.period))))
"""
CONF = {
    "model/mine.yaml": """# @package _global_
defaults:
  - /model/dec@_here_
  - override /init: first
  - override /data: stripes
extensions: [my_models]
model:
  name: mine
  pretrain:
    max_epochs: 2
trainer:
  max_epochs: 2
""",
    "init/first.yaml": "name: first\nn_init: 2\n",
    "data/stripes.yaml": """name: stripes
period: 3
pool: all
batch_size: 40
limit: null
min_images_per_epoch: null
""",
}
SMALL = ["network.widths=[16]", "n_clusters=3", "figures.at_end=false", "trainer.enable_progress_bar=false"]


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "latentclust", "--config-dir", str(folder / "conf"), *arguments]
    path = f"{REPOSITORY / 'src'}{os.pathsep}{folder}"
    # Commands run in this process have set it for themselves.
    inherited = {name: value for name, value in os.environ.items() if name != "HYDRA_FULL_ERROR"}
    environment = inherited | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120
    )


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    (tmp_path / "my_models.py").write_text(MODULE)
    for name, text in CONF.items():
        file = tmp_path / "conf" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path


@pytest.mark.long
def test_a_model_a_start_and_data_of_ones_own_train_and_are_evaluated(outside: Path) -> None:
    fitted = run(outside, "model=mine", *SMALL)
    assert fitted.returncode == 0, fitted.stderr
    assert "Mine's start (first)" in fitted.stdout
    evaluated = run(outside, "ckpt_path=last", "task=evaluate")
    assert evaluated.returncode == 0, evaluated.stderr
    wrong = run(outside, "model=mine", "data.periods=3", *SMALL)
    assert wrong.returncode == 2
    assert "did you mean 'data.period'" in wrong.stderr
    wrong = run(outside, "model=mine", "extensions=[]", *SMALL)
    assert wrong.returncode == 2
    assert "model.name is 'mine': it must be one of ae" in wrong.stderr


def test_a_module_that_cannot_be_imported_is_named() -> None:
    with pytest.raises(LatentclustError, match="extensions: the module 'not_there' cannot be imported"):
        load_extensions(["not_there"])


def test_a_name_belongs_to_one() -> None:
    registry = Registry("model", {"ae": "latentclust.models.ae:AE"})
    with pytest.raises(LatentclustError, match="model=ae exists already"):
        registry.register("ae", settings=object)(int)
    registry.register("mine", settings=object)(int)
    assert list(registry) == ["ae", "mine"]
    assert registry["mine"] is int
    assert registry["ae"] is MODELS["ae"]
