"""One page for many runs: their table, what the seeds' noise leaves of it, and links to each run's report."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from latentclust.atomic import whole_file
from latentclust.figures.report import embed, template


class PageRow(NamedTuple):
    """A row of the page's table.

    Attributes
    ----------
    settings
        What varied between the rows: pairs of key and value.
    cells
        For each measure its heading, mean, ends, name where the heading is none, and whether it is the best.
    runs
        Of each run its seed, and a link or nothing.
    """

    settings: Sequence[tuple[str, str]]
    cells: Sequence[tuple[str, str, str, str, bool]]
    runs: Sequence[tuple[str, str | None]]


class Problem(NamedTuple):
    """A run without a result: its name, what became of it, why, and a link or nothing."""

    name: str
    status: str
    error: str | None
    link: str | None


def render_comparison(
    path: Path,
    *,
    title: str,
    sentence: str,
    rows: Sequence[PageRow],
    findings: Sequence[str] = (),
    warnings: Sequence[str] = (),
    problems: Sequence[Problem] = (),
    figures: Mapping[str, Path] | None = None,
    files: Sequence[str] = (),
    command: str | None = None,
) -> Path:
    """Write the page as one HTML file; its links are the only thing that it does not hold.

    Parameters
    ----------
    path
        Where to write.
    title, sentence
        What is compared, and how much of it is there.
    rows
        The table, in the order of the page.
    findings, warnings
        What is said below the table and above it, a line each.
    problems
        Runs without a result.
    figures
        Image files by what they show.
    files
        Beside the page, to be linked.
    command
        What makes or finishes it.

    Raises
    ------
    LatentclustError
        The place cannot be written.
    """
    pictures, unread = embed(figures or {})
    page = template("comparison.html.j2").render(
        title=title,
        sentence=sentence,
        rows=rows,
        keys=[key for key, _ in rows[0].settings] if rows else [],
        headings=[cell[0] for cell in rows[0].cells] if rows else [],
        findings=findings,
        warnings=[*warnings, *unread],
        problems=problems,
        figures=pictures,
        files=files,
        command=command,
    )
    with whole_file(path) as file:
        file.write(page.encode())
    return path
