"""Stop when the bound no longer improves."""

from lightning.pytorch.callbacks import EarlyStopping


class StopsImproving(EarlyStopping):
    """Stops a training whose label-free objective has not improved for some epochs.

    Epochs that do not measure it count for nothing.

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
