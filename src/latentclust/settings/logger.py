"""Settings of ``logger``: where the curves go."""

from latentclust.settings.base import Section


class Logger(Section):
    """Where the curves go."""

    tensorboard: bool
    """To ``<run>/tensorboard``."""
    csv: bool
    """To ``<run>/metrics.csv``."""
