"""Several jobs of a sweep at once: Hydra's launchers, configured by conf/launcher/."""

from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins

from latentclust.compose import Composer, composing
from latentclust.settings import packages
from tests.conftest import REPOSITORY, TINY_CONF, same_weights

CONF = REPOSITORY / "conf"
PLUGINS = {"joblib": "joblib", "submitit_local": "submitit", "submitit_slurm": "submitit"}


def test_each_launcher_is_tested() -> None:
    assert set(PLUGINS) == {file.stem for file in (CONF / "launcher").glob("*.yaml")}


@pytest.fixture(scope="module")
def composer() -> Iterator[Composer]:
    flags = Namespace(config_path=None, config_dir=str(TINY_CONF), config_name=None)
    with composing(flags, CONF) as found:
        yield found


@pytest.mark.parametrize("name", PLUGINS)
def test_each_choice_is_one_of_the_plugins_and_keeps_to_its_schema(composer: Composer, name: str) -> None:
    pytest.importorskip(f"hydra_plugins.hydra_{PLUGINS[name]}_launcher")
    launcher = composer.compose([f"launcher={name}"]).hydra.launcher
    assert launcher._target_.startswith(f"hydra_plugins.hydra_{PLUGINS[name]}_launcher.")


@pytest.mark.parametrize("choice", ["launcher=joblib", "hydra/launcher=joblib"])
def test_keys_of_the_launcher_that_was_chosen_can_be_set_in_a_sweep(composer: Composer, choice: str) -> None:
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    given = [choice, "hydra.launcher.n_jobs=2", "model=ae", "seed=0,1"]
    jobs = list(composer.combinations(given))
    assert jobs == [[*given[:3], "seed=0"], [*given[:3], "seed=1"]]


def test_a_job_of_submitit_has_the_threads_of_its_cores(composer: Composer) -> None:
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    cfg = composer.compose(["launcher=submitit_slurm", "hydra.launcher.cpus_per_task=3"])
    assert cfg.hydra.job.env_set.OMP_NUM_THREADS == "3"


@pytest.mark.parametrize("choice", ["launcher=joblib", "hydra/launcher=joblib", "launcher=submitit_slurm"])
def test_a_missing_plugin_is_named_with_the_command_that_installs_it(
    latentclust: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, choice: str
) -> None:
    Plugins.instance()  # they register themselves
    name = choice.partition("=")[2]
    monkeypatch.delitem(ConfigStore.instance().repo["hydra"]["launcher"], f"{name}.yaml", raising=False)
    outcome = latentclust("-m", choice, "experiment=tiny_ae", "seed=0,1")
    assert outcome.status == 2
    extra = PLUGINS[name]
    assert f"needs the package hydra-{extra}-launcher: pip install 'latentclust[{extra}]'" in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1
    assert outcome.folder is None


def test_what_is_not_installed_is_not_there() -> None:
    assert packages.is_there("torch")
    assert not packages.is_there("nowhere_to_be_found")
    assert not packages.is_there("nowhere_to_be_found.inside")


@pytest.mark.faults
@pytest.mark.parametrize("launcher", ["joblib", "submitit_local"])
def test_a_launcher_changes_no_bit(
    process: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, launcher: str
) -> None:
    pytest.importorskip(f"hydra_plugins.hydra_{PLUGINS[launcher]}_launcher")
    sweep = ["--config-dir", str(TINY_CONF), "-m", "experiment=tiny_vade", "seed=0,1"]
    for place, more in (("one", []), ("many", [f"launcher={launcher}"])):
        done = process(*sweep, *more, f"hydra.sweep.dir={tmp_path / place}", OMP_NUM_THREADS="1")
        assert done.returncode == 0, done.stderr
    for seed in ("0", "1"):
        one, many = (
            torch.load(tmp_path / place / seed / "checkpoints/last.ckpt", weights_only=True)["state_dict"]
            for place in ("one", "many")
        )
        assert same_weights(one, many)
