"""Settings of ``logger``: where the curves go."""

from latentclust.settings.base import Section, Text


class Logger(Section):
    """Where the curves go."""

    tensorboard: bool = True
    """To ``<run>/tensorboard``."""
    csv: bool = True
    """To ``<run>/metrics.csv``."""
    wandb: bool = False
    """To Weights & Biases; needs its package."""
    mlflow: bool = False
    """To MLflow; needs its package."""
    project: Text = "latentclust"
    """The project in Weights & Biases, and the experiment in MLflow."""
    offline: bool = True
    """Keep both on this machine: ``<run>/wandb``, ``<output_dir>/mlflow``."""
