"""Choices that people know from other templates: loggers, callbacks, debugging, trainers."""

from argparse import Namespace
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger

from latentclust.compose import Composer, composing, plain_values
from latentclust.errors import LatentclustError
from latentclust.settings import packages
from latentclust.settings.logger import Logger as LoggerSettings
from latentclust.training import loggers
from latentclust.training.loggers import ByEpoch, build_loggers
from tests.conftest import REPOSITORY, TINY_CONF, Command


@pytest.fixture(scope="module")
def composer() -> Iterator[Composer]:
    flags = Namespace(config_path=None, config_dir=str(TINY_CONF), config_name=None)
    with composing(flags, REPOSITORY / "conf") as found:
        yield found


@pytest.mark.parametrize(
    ("overrides", "accelerator"),
    [
        (["trainer=gpu"], "gpu"),
        (["trainer=gpu", "accelerator=cpu"], "cpu"),
        (["trainer=mps"], "mps"),
        (["trainer=debug"], "cpu"),
        (["debug=overfit"], "cpu"),
        (["debug=limit", "experiment=vade_paper"], "cpu"),
    ],
)
def test_a_trainer_and_a_debug_choice_set_the_device(
    composer: Composer, overrides: list[str], accelerator: str
) -> None:
    assert plain_values(composer.compose(overrides))["trainer"]["accelerator"] == accelerator


class Known(Logger):
    """Stands for Lightning's loggers of optional packages."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self.args, self.options = args, options
        self.seen: list[tuple[int | None, dict[str, float]]] = []
        self.settings: dict[str, Any] = {}

    name, version, experiment = "known", "0", Namespace(finish=lambda: None)

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        self.seen.append((step, dict(metrics)))

    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        self.settings = dict(params)


class Fake(ByEpoch, Known):
    pass


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> list[Fake]:
    """The optional loggers that a run builds."""
    built: list[Fake] = []

    def build(*args: Any, **options: Any) -> Fake:
        built.append(Fake(*args, **options))
        return built[-1]

    monkeypatch.setattr(packages, "is_there", lambda module: True)
    monkeypatch.setattr(loggers, "build_wandb", build)
    monkeypatch.setattr(loggers, "build_mlflow", build)
    monkeypatch.setattr(loggers, "OPTIONAL", Fake)
    return built


@pytest.mark.long
def test_many_loggers_get_epochs_and_the_settings_that_were_given(
    latentclust: Command, fakes: list[Fake]
) -> None:
    outcome = latentclust("experiment=tiny_vade", "logger=many", "logger.project=mine", "tags=[first]")
    assert outcome.status == 0, outcome.err
    assert len(fakes) == 4  # of the pretraining and of the training
    names = {fake.options.get("name") or fake.options["run_name"] for fake in fakes}
    called = "first vade digits experiment=tiny_vade seed=0"
    assert names == {called, f"{called}, pretraining"}
    for fake in fakes[2:]:
        assert fake.settings["experiment"] == "tiny_vade"
        steps = [step for step, values in fake.seen if "cluster/acc" in values]
        assert steps == [0, 1, 2, 3, 3]
    assert all("epoch" not in values for fake in fakes for _, values in fake.seen)


@pytest.mark.parametrize(
    ("fails", "built"),
    [
        ("latentclust.models.AE.training_step", 1),
        ("latentclust.models.VaDE.training_step", 2),
        ("latentclust.engine.fitting.evaluate", 2),
        (None, 2),
    ],
)
def test_the_run_of_a_training_that_fails_is_ended(
    latentclust: Command, fakes: list[Fake], monkeypatch: pytest.MonkeyPatch, fails: str | None, built: int
) -> None:
    """Whichever part fails, the next training in the process begins a run of its own."""
    ends: list[tuple[int, int]] = []

    class Begun(Fake):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            number = len(fakes)
            self._experiment = Namespace(finish=lambda exit_code=0: ends.append((number, exit_code)))
            fakes.append(self)

        @property
        def experiment(self) -> Namespace:  # type: ignore[override]
            return self._experiment

    def broken(*args: Any) -> None:
        raise LatentclustError("this one fails")

    monkeypatch.setattr(loggers, "WandbCurves", Begun)
    monkeypatch.setattr(loggers, "build_wandb", Begun)
    if fails is not None:
        monkeypatch.setattr(fails, broken)
    outcome = latentclust("experiment=tiny_vade", "trainer.max_epochs=1", "logger=wandb")
    assert outcome.status == (2 if fails else 0), outcome.err
    assert len(fakes) == built
    expected = [(number, 0) for number in range(built)]
    if fails is not None:
        expected[-1] = (built - 1, 1)
    assert ends == expected


@pytest.mark.parametrize("name", ["wandb", "mlflow"])
def test_a_missing_package_is_named_with_the_command_that_installs_it(
    latentclust: Command, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(packages, "is_there", lambda module: False)
    outcome = latentclust("experiment=tiny_ae", f"logger={name}")
    assert outcome.status == 2
    assert f"logger.{name}=true needs the package {name}: pip install 'latentclust[{name}]'" in outcome.err
    assert outcome.folder is None


def test_each_choice_builds_its_loggers(composer: Composer, tmp_path: Path) -> None:
    def kinds(choice: str) -> list[type]:
        settings = LoggerSettings(**plain_values(composer.compose([f"logger={choice}"]))["logger"])
        return [
            kind
            for one in build_loggers(settings, tmp_path)
            for kind in (TensorBoardLogger, CSVLogger)
            if isinstance(one, kind)
        ]

    assert kinds("default") == [TensorBoardLogger, CSVLogger]
    assert kinds("tensorboard") == [TensorBoardLogger]
    assert kinds("csv") == [CSVLogger]
    assert kinds("none") == []


def test_mlflow_needs_to_know_its_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(loggers.URI, raising=False)
    with pytest.raises(LatentclustError, match=loggers.URI):
        loggers.mlflow_uri(LoggerSettings(offline=False), tmp_path)
    monkeypatch.setenv(loggers.URI, "http://somewhere")
    assert loggers.mlflow_uri(LoggerSettings(offline=False), tmp_path) == "http://somewhere"
    assert loggers.mlflow_uri(LoggerSettings(), tmp_path).startswith("file:")


def test_mlflow_writes_to_this_machine(latentclust: Command, tmp_path: Path) -> None:
    pytest.importorskip("mlflow")
    outcome = latentclust("experiment=tiny_ae", "logger=mlflow", "trainer.max_epochs=1")
    assert outcome.status == 0, outcome.err
    assert list((tmp_path / "outputs/mlflow").rglob("metrics/cluster/acc"))


def test_the_training_stops_when_its_bound_stops_improving(latentclust: Command) -> None:
    outcome = latentclust(
        "experiment=tiny_ae",
        "callbacks=early_stopping",
        "callbacks.early_stopping.patience=2",
        "callbacks.early_stopping.min_delta=1000",  # nothing is an improvement
        "callbacks.checkpoint.seconds_apart=0",
        "trainer.max_epochs=9",
    )
    assert outcome.status == 0, outcome.err
    assert "had not improved for 2 epochs: stopped after epoch 3 of 9" in outcome.out
    assert not outcome.summary["warnings"]
    assert outcome.folder is not None
    assert torch.load(outcome.folder / "checkpoints/last.ckpt", weights_only=True)["epoch"] == 2
    assert set(outcome.summary["metrics"]) >= {"test/loss", "cluster/acc"}


def test_ten_images_can_be_overfitted(latentclust: Command) -> None:
    outcome = latentclust("experiment=tiny_ae", "debug=overfit", "data.pool=all", "trainer.max_epochs=5")
    assert outcome.status == 0, outcome.err
    checkpoint = torch.load(outcome.folder / "checkpoints/last.ckpt", weights_only=True)  # type: ignore[operator]
    history = next(state for name, state in checkpoint["callbacks"].items() if name.startswith("History"))
    errors = [value for _, value in history["metrics"]["train/reconstruction"]]
    assert errors[-1] < 0.35 * errors[0]
