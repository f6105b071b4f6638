"""Compare runs: what varied, the seeds folded, and which differences are larger than their noise."""

from pathlib import Path

from latentclust.errors import LatentclustError
from latentclust.runs.comparing import Comparison
from latentclust.runs.records import read_runs
from latentclust.runs.run import Run, tell
from latentclust.settings import Settings


def compare(settings: Settings, run: Run) -> None:
    """Print the table of the runs that ``settings.runs`` names, and write it as page, CSV and Markdown.

    Raises
    ------
    LatentclustError
        If there are no runs, or none of them is whole.
    """
    assert settings.runs is not None
    patterns = [settings.runs] if isinstance(settings.runs, str) else settings.runs
    comparison = Comparison.of(read_runs(patterns))
    if not comparison.rows:
        raise LatentclustError(
            f"runs: none of the {len(comparison.records)} runs there is finished: nothing can be compared"
        )
    tell_of(comparison, run.folder, run.command)


def tell_of(comparison: Comparison, folder: Path, command: str | None = None) -> None:
    """Print a comparison and write it into a folder."""
    comparison.print()
    tell(f"The table: {comparison.write(folder, command)}")


def end_of_sweep(folder: Path, command: str | None = None) -> None:
    """Print and write the table of a sweep, of what its jobs have left in their folders.

    Parameters
    ----------
    folder
        The sweep's.
    command
        What finishes it, if there is such a command.

    Raises
    ------
    LatentclustError
        If a job has failed, or was stopped; after everything was written.
    """
    records = read_runs([str(folder)])
    comparison, problems = Comparison.of(records), [r for r in records if r.state.status != "finished"]
    if comparison.rows or problems:
        tell_of(comparison, folder, command if problems else None)
    if problems:
        finish = f"; run what is missing with: {command}" if command else ""
        raise LatentclustError(f"{len(problems)} of {len(records)} jobs have no result{finish}")
