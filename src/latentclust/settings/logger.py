"""Settings of ``logger``: where the curves go."""

from latentclust.settings.base import Section


class Logger(Section):
    """Where the curves go."""

    tensorboard: bool = True
    """To ``<run>/tensorboard``."""
    csv: bool = True
    """To ``<run>/metrics.csv``."""
