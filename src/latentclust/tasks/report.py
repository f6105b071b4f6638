"""Make a run's report again."""

from pathlib import Path

from omegaconf import DictConfig

from latentclust.gallery.show import write_report
from latentclust.runs.run import tell


def report(cfg: DictConfig) -> None:
    """Write ``report.html`` anew, from what the folder ``cfg.run`` holds."""
    tell(f"Written: {write_report(Path(cfg.run))}")
