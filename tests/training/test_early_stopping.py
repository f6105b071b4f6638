"""What a continued training takes from its checkpoint, and what from its settings."""

from pathlib import Path
from typing import NamedTuple

import lightning as L
import pytest

from latentclust.training.callbacks import Checkpoints, StopsImproving
from tests.training.test_callbacks import train, vade
from tests.training.test_checkpoints import METRIC, Planned


class Restarted(NamedTuple):
    """What is left of a training that went on from a checkpoint."""

    early: StopsImproving
    trainer: L.Trainer


def go_on(folder: Path, values: list[float], patience: int, epochs: int, ckpt: Path | None) -> Restarted:
    early = StopsImproving(METRIC, "min", patience, min_delta=0.0)
    callbacks = [Planned(values), early, Checkpoints(folder, monitor=METRIC)]
    trainer = train(vade(), callbacks, folder, epochs=epochs, checkpointing=True, ckpt_path=ckpt)
    return Restarted(early, trainer)


@pytest.mark.parametrize(
    ("patience", "more", "stopped_after", "waited"),
    [
        (2, [4.0, 4.0, 4.0, 4.0], 4, 3),  # nothing has changed, so it stops again at once
        (5, [4.0, 4.0, 4.0, 4.0], 6, 5),  # 5 epochs without an improvement, those of before included
        (2, [2.0, 1.0, 0.5, 0.2], None, 0),  # it improves up to the last one
        (2, [2.0, 4.0, 4.0, 4.0], 6, 2),
    ],
)
def test_a_continuation_waits_as_long_as_its_own_settings_say(
    tmp_path: Path, patience: int, more: list[float], stopped_after: int | None, waited: int
) -> None:
    first = go_on(tmp_path / "a", [3.0, 4.0, 4.0], 2, 9, None)
    assert (first.early.stopped_epoch, first.trainer.current_epoch) == (2, 3)
    values = [3.0, 4.0, 4.0, *more]
    again = go_on(tmp_path / "b", values, patience, len(values), tmp_path / "a/last.ckpt")
    assert again.trainer.current_epoch == (stopped_after or len(values))
    assert again.early.stopped_epoch == (stopped_after - 1 if stopped_after else 0)
    assert (again.early.patience, again.early.wait_count) == (patience, waited)
