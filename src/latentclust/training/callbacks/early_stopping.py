"""Stop when the bound no longer improves."""

from typing import Any

from lightning.pytorch.callbacks import EarlyStopping
from torch import Tensor

from latentclust.processes import from_first


class StopsImproving(EarlyStopping):
    """Stops a training whose label-free objective has not improved for some epochs.

    Epochs that do not measure it count for nothing. Where several processes train, each judges by the
    value of the first one.

    Parameters
    ----------
    monitor, mode
        The objective, and whether ``min`` or ``max`` is better.
    patience
        Epochs.
    min_delta
        What counts as an improvement.
    """

    def __init__(self, monitor: str, mode: str, patience: int, min_delta: float) -> None:
        super().__init__(
            monitor,
            min_delta,
            patience,
            mode=mode,
            strict=False,
            check_finite=False,  # ObjectiveTerms says what became NaN
            check_on_train_epoch_end=True,
            log_rank_zero_only=True,
        )

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on counting, by the patience of these settings; that the run was stopped before is over."""
        kept = {name: value for name, value in state_dict.items() if not name.startswith("stopping_reason")}
        super().load_state_dict(kept | {"patience": self.patience, "stopped_epoch": 0})

    def _evaluate_stopping_criteria(self, current: Tensor) -> tuple[bool, str | None]:
        return super()._evaluate_stopping_criteria(from_first(current.cpu()))
