"""A whole run on a device that is not the CPU: the CPU's results to the last bit, and no step waits."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from lightning.pytorch.loops.training_epoch_loop import _TrainingEpochLoop

from latentclust import DeepClustering
from tests.conftest import Command, first_of, same_weights
from tests.devices.pretended import NAME, WAITS

OnDevice = Callable[[], AbstractContextManager[None]]
OPTIONS = {
    # Augmentation, a held partition, self-training, a refit.
    "vade": ("experiment=tiny_guided",),
    # Convolutions with batch normalization, images that are held out.
    "vae": ("experiment=tiny_vae", "network=small", "augment=shift", "data.pool=train"),
    "dec": ("experiment=tiny_dec", "model.pretrain.max_epochs=1"),
}
FIGURES = (
    "figures.at_end=true",
    "figures.embedding.method=none",
    "figures.plane.n=2",
    "figures.projector=false",
)
# Torch warns of what is right here: values come into a tensor of device `meta`.
pytestmark = pytest.mark.filterwarnings("ignore:for .*copying from a non-meta parameter")


@pytest.fixture
def waits_of_steps(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, int]]:
    """What each training step waits for, from its batch to the last callback after it."""
    found: list[dict[str, int]] = []
    advance = _TrainingEpochLoop.advance

    def watched(self: Any, data: Any) -> None:
        before = WAITS.copy()
        advance(self, data)
        found.append(dict(WAITS - before))

    monkeypatch.setattr(_TrainingEpochLoop, "advance", watched)
    return found


@pytest.mark.parametrize("kind", first_of(*reversed(OPTIONS)))
def test_a_run_is_the_same_and_its_steps_never_wait(
    trained: Command,
    latentclust: Command,
    on_device: OnDevice,
    waits_of_steps: list[dict[str, int]],
    kind: str,
) -> None:
    options = OPTIONS[kind]
    here = trained(*options)
    waits_of_steps.clear()
    with on_device():
        there = latentclust(*options, *FIGURES * (kind == "vade"), "output_dir=outputs/there")
    assert there.status == 0, there.err
    assert there.folder is not None
    assert there.folder != here.folder
    assert same_weights(here.weights(), there.weights())
    assert here.summary["results"] == there.summary["results"]
    config = there.summary["config"]
    epochs = config["trainer"]["max_epochs"] + config["model"].get("pretrain", {}).get("max_epochs", 0)
    assert len(waits_of_steps) == 8 * epochs
    # An epoch's order comes from the host, once.
    assert [waits for waits in waits_of_steps if waits] == [{"to the device": 1}] * epochs


def test_what_follows_a_run(
    trained: Command, latentclust: Command, on_device: OnDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = trained("experiment=tiny_vae")
    path = f"ckpt_path={here.folder}/checkpoints/last.ckpt"
    for task in ("evaluate", "predict", "generate"):
        module = import_module(f"latentclust.tasks.{task}")
        monkeypatch.setattr(module, "choose_accelerator", lambda wish: NAME)
    with on_device():
        for task in ("evaluate", "predict", "generate"):
            outcome = latentclust(f"task={task}", path)
            assert outcome.status == 0, outcome.err


def test_the_estimator(on_device: OnDevice) -> None:
    images = np.random.default_rng(0).integers(0, 256, (60, 8, 8), dtype=np.uint8)
    with on_device():
        estimator = DeepClustering(3, model="vae", max_epochs=1, settings={"data.min_images_per_epoch": None})
        estimator.fit(images)
        assert WAITS
        assert (estimator.predict(images) == estimator.labels_).all()
