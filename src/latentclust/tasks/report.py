"""Make a run's report again."""

from pathlib import Path

from latentclust.gallery.show import write_report
from latentclust.runs.run import Run, tell
from latentclust.settings import Settings


def report(settings: Settings, run: Run) -> None:
    """Write ``report.html`` anew, from what the folder ``settings.run`` holds."""
    assert settings.run is not None
    tell(f"Written: {write_report(Path(settings.run))}")
