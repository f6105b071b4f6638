"""A training whose time is over ends with its epoch, and with a checkpoint of it."""

from pathlib import Path
from time import perf_counter

import lightning as L
import pytest
import torch

from latentclust.models import AE
from latentclust.training.callbacks import Checkpoints, Deadline, ObjectiveTerms
from tests.training.test_callbacks import digits


# A deadline that passes in the last epoch stops nothing.
@pytest.mark.parametrize(("seconds", "planned", "epochs_done"), [(-1.0, 3, 1), (1e6, 3, 3), (-1.0, 1, 1)])
def test_the_last_epoch_before_the_deadline_is_kept(
    tmp_path: Path, seconds: float, planned: int, epochs_done: int
) -> None:
    deadline = Deadline(perf_counter() + seconds)
    # Too soon after the one before for any checkpoint but the last.
    keep = Checkpoints(tmp_path, seconds_apart=1e9)
    trainer = L.Trainer(
        accelerator="cpu",
        max_epochs=planned,
        callbacks=[ObjectiveTerms(), deadline, keep],
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        limit_val_batches=0,
    )
    trainer.fit(AE([1, 8, 8], [24], 3), datamodule=digits())
    assert trainer.should_stop is (epochs_done < planned)
    assert trainer.current_epoch == epochs_done
    assert torch.load(tmp_path / "last.ckpt", weights_only=True)["global_step"] == 4 * epochs_done
