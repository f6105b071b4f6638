"""Settings of ``callbacks``."""

from latentclust.settings.base import Count, CountOrNone, NotNegative, Section


class ClusterAccuracy(Section):
    """Measures the clusters during training."""

    every_n_epochs: CountOrNone
    """After every n-th epoch; 0 for the end alone."""
    n_images: Count | None
    """On a fixed sample of this many images of the pool; null for all of them."""


class Checkpoint(Section):
    """Writes the checkpoints."""

    every_n_epochs: Count
    """After every n-th epoch."""
    seconds_apart: NotNegative
    """Not sooner than this many seconds after the one before, the last epoch aside."""


class Callbacks(Section):
    """Callbacks of the training."""

    cluster_accuracy: ClusterAccuracy
    """Measures the clusters during training."""
    checkpoint: Checkpoint
    """Writes the checkpoints."""
