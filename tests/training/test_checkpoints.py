"""Which epochs a training's checkpoints are of."""

from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from torch import Tensor

from latentclust.training.callbacks import Checkpoints, History, ObjectiveTerms, StopsImproving
from tests.training.test_callbacks import train, vade

METRIC, STEPS = "test/planned", 4  # steps of an epoch
VALUES = [5.0, 4.0, 1.0, 3.0, 2.0, 1.0, 6.0]  # the least is the third epoch's; its equal comes later


class Planned(L.Callback):
    """Logs a value for each epoch, none where it is NaN, and fails where there are no more."""

    def __init__(self, values: list[float]) -> None:
        self.values = values

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if trainer.current_epoch == len(self.values):
            raise KeyboardInterrupt
        pl_module.log(METRIC, self.values[trainer.current_epoch])


def kept(
    folder: Path, apart: float, values: list[float], *, epochs: int, every: int = 1, mode: str = "min"
) -> dict[str, Any]:
    """Train, and return the checkpoints by their names."""
    checkpoints = Checkpoints(folder, every, apart, METRIC, mode)
    callbacks = [ObjectiveTerms(), Planned(values), History(), checkpoints]
    try:
        train(vade(), callbacks, folder, epochs=epochs, checkpointing=True)
    except (KeyboardInterrupt, SystemExit):
        assert epochs > len(values)
    return {path.stem: torch.load(path, weights_only=True) for path in folder.glob("*.ckpt")}


def assert_equal(one: Any, other: Any) -> None:
    """Compare what checkpoints hold; where they lie may differ."""
    if isinstance(one, Tensor):
        assert torch.equal(one, other)
    elif isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            assert_equal(one[key], other[key])
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for pair in zip(one, other, strict=True):
            assert_equal(*pair)
    else:
        assert one == other


@pytest.mark.parametrize("interrupted", [False, True])
@pytest.mark.parametrize(("apart", "every"), [(0.0, 1), (0.0, 2), (0.0, 4), (1e9, 1)])
@pytest.mark.parametrize(("mode", "best"), [("min", 3), ("max", 7)])
def test_the_best_epoch_is_kept_whenever_checkpoints_are_written(
    tmp_path: Path, apart: float, every: int, interrupted: bool, mode: str, best: int
) -> None:
    epochs = len(VALUES) + interrupted
    found = kept(tmp_path, apart, VALUES, epochs=epochs, every=every, mode=mode)
    assert found["best"]["global_step"] == best * STEPS
    assert found["last"]["global_step"] == len(VALUES) * STEPS


def test_what_is_kept_in_memory_is_what_would_have_been_written(tmp_path: Path) -> None:
    at_once = kept(tmp_path / "a", 0.0, VALUES, epochs=len(VALUES))
    later = kept(tmp_path / "b", 1e9, VALUES, epochs=len(VALUES))
    for name in ("best", "last"):
        for checkpoint in (at_once[name], later[name]):
            (state,) = [value for key, value in checkpoint["callbacks"].items() if "Checkpoints" in key]
            assert Path(state["best_model_path"]).name == "best.ckpt"
            assert state["best_model_score"] == 1.0
            checkpoint["callbacks"] = {
                key: value for key, value in checkpoint["callbacks"].items() if "Checkpoints" not in key
            }
        assert_equal(at_once[name], later[name])


def test_the_clock_does_not_choose_the_best_epoch_of_a_training_that_stops_early(tmp_path: Path) -> None:
    for apart in (0.0, 1e9):
        folder = tmp_path / f"{apart}"
        callbacks = [
            Planned(VALUES),
            StopsImproving(METRIC, "min", patience=3, min_delta=0.0),
            Checkpoints(folder, 1, apart, METRIC),
        ]
        trainer = train(vade(), callbacks, folder, epochs=len(VALUES), checkpointing=True)
        assert trainer.current_epoch == 6
        assert torch.load(folder / "best.ckpt", weights_only=True)["global_step"] == 3 * STEPS
