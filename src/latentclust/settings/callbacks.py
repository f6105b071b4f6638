"""Settings of ``callbacks``."""

from latentclust.settings.base import Count, CountOrNone, NotNegative, Section


class ClusterAccuracy(Section):
    """Measures the clusters during training."""

    every_n_epochs: CountOrNone = 1
    """After every n-th epoch; 0 for the end alone."""
    n_images: Count | None = 10_000
    """On a fixed sample of this many images of the pool; null for all of them."""


class Checkpoint(Section):
    """Writes the checkpoints."""

    every_n_epochs: Count = 1
    """After every n-th epoch."""
    seconds_apart: NotNegative = 30.0
    """Not sooner than this many seconds after the one before, the last epoch aside."""


class EarlyStopping(Section):
    """Stops the training, its first stage aside, when its label-free objective no longer improves."""

    patience: Count | None = None
    """After this many epochs without an improvement; null for never."""
    min_delta: NotNegative = 0.0
    """By more than this an epoch must be better."""


class Callbacks(Section):
    """Callbacks of the training."""

    cluster_accuracy: ClusterAccuracy = ClusterAccuracy()
    """Measures the clusters during training."""
    early_stopping: EarlyStopping = EarlyStopping()
    """Stops the training when its objective no longer improves."""
    checkpoint: Checkpoint = Checkpoint()
    """Writes the checkpoints."""
