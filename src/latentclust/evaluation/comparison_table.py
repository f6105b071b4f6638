"""Groups of runs in one table: for the terminal, as Markdown and as CSV."""

import csv
import io
from collections.abc import Sequence
from typing import NamedTuple

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from latentclust.evaluation.comparison import Spread
from latentclust.evaluation.measures import OBJECTIVES, SECONDS, Measure


class Row(NamedTuple):
    """A group of runs that differ in their seeds alone.

    Attributes
    ----------
    name
        What it is called.
    settings
        What varied between the groups, as text by its key.
    spreads
        Its scores over the seeds, by the key of their measure.
    n
        Its whole runs.
    """

    name: str
    settings: dict[str, str]
    spreads: dict[str, Spread]
    n: int


def in_order(rows: Sequence[Row], measure: Measure) -> list[Row]:
    """Sort rows by the mean of a measure, the best first, those without it last."""

    def rank(row: Row) -> float:
        spread = row.spreads.get(measure.key)
        if spread is None:
            return float("inf")
        return -spread.mean if measure.higher_is_better else spread.mean

    return sorted(rows, key=rank)


class Cell(NamedTuple):
    """What a table has of a group and a measure.

    Attributes
    ----------
    mean, ends
        Mean and standard deviation, and the worst and the best seed; empty for a single one.
    measure
        What the group is measured by, where the column's heading does not say it.
    is_best
        Whether no other group has a better mean.
    """

    mean: str
    ends: str = ""
    measure: str = ""
    is_best: bool = False


class Column(NamedTuple):
    """A column: its heading, and the measures of which each group has one."""

    heading: str
    measures: tuple[Measure, ...]

    def cells(self, rows: Sequence[Row]) -> list[Cell]:
        """Write each row's cell."""
        found = [next((m for m in self.measures if m.key in row.spreads), None) for row in rows]
        # Losses and errors of different models are different things.
        comparable = len(self.measures) == 1 and self.measures[0] not in OBJECTIVES[2:]
        best = best_of(rows, self.measures[0]) if comparable else None
        cells = []
        for row, measure in zip(rows, found, strict=True):
            if measure is None:
                cells.append(Cell("-"))
                continue
            spread, name = row.spreads[measure.key], measure.name if len(self.measures) > 1 else ""
            mean, ends = measure.written(spread.mean), ""
            if spread.std is not None:
                mean += f" ± {measure.written(spread.std)}"
                ends = f"{measure.written(spread.worst)} … {measure.written(spread.best)}"
            cells.append(Cell(mean, ends, name, spread.mean == best))
        return cells


def best_of(rows: Sequence[Row], measure: Measure) -> float | None:
    """Return the best mean; None if there is nothing to choose from."""
    means = [row.spreads[measure.key].mean for row in rows if measure.key in row.spreads]
    return None if len(means) < 2 else max(means) if measure.higher_is_better else min(means)


def columns_of(measures: Sequence[Measure]) -> list[Column]:
    """Return a table's columns: one for each measure, and one for all that models optimize."""
    objectives = tuple(measure for measure in measures if measure in OBJECTIVES)
    columns = []
    for measure in measures:
        if len(objectives) < 2 or measure not in objectives:
            columns.append(Column(f"{measure.name} %" if measure.scale == 100 else measure.name, (measure,)))
        elif measure == objectives[0]:
            columns.append(Column("Objective", objectives))
    return columns


def print_comparison(
    rows: Sequence[Row], measures: Sequence[Measure], title: str, console: Console | None = None
) -> None:
    """Print the table: in each cell mean and standard deviation, and below the worst and the best seed."""
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    keys = list(rows[0].settings) if rows else []
    for key in keys or [""]:
        table.add_column(key.replace(".", ".\n"), overflow="fold", min_width=9)
    table.add_column("n", justify="right")
    columns = columns_of(measures)
    for column in columns:
        heading = "s" if column.measures == (SECONDS,) else column.heading.replace(", ", ",\n")
        table.add_column(heading, justify="right", no_wrap=True)
    cells = [column.cells(rows) for column in columns]
    seconds = cells[-1] if measures and measures[-1] == SECONDS else []
    for number, row in enumerate(rows):
        texts = []
        for cell in (of_column[number] for of_column in cells):
            below = cell.measure or cell.ends.replace(" … ", "…")
            mean = cell.mean.replace(" ± ", "±")
            if cell in seconds:  # how much they vary is in the files
                mean, below = mean.partition("±")[0], ""
            text = Text(mean, style="bold green" if cell.is_best else "")
            texts.append(text.append(f"\n{below}", style="dim") if below else text)
        names = list(row.settings.values()) or [row.name]
        table.add_row(*map(Text, names), str(row.n), *texts)
    (console or Console()).print(table)


def markdown(rows: Sequence[Row], measures: Sequence[Measure]) -> str:
    """Write the table as Markdown; each cell has mean and standard deviation, worst and best."""
    keys, columns = list(rows[0].settings) if rows else [], columns_of(measures)
    lines = [[*(keys or [""]), "n", *(column.heading for column in columns)]]
    lines.append([*["---"] * max(1, len(keys)), *["---:"] * (1 + len(columns))])
    cells = [column.cells(rows) for column in columns]
    for number, row in enumerate(rows):
        texts = []
        for cell in (of_column[number] for of_column in cells):
            more = "; ".join(filter(None, (cell.measure, cell.ends)))
            texts.append((f"**{cell.mean}**" if cell.is_best else cell.mean) + (f" ({more})" if more else ""))
        lines.append([*(row.settings.values() or [row.name]), str(row.n), *texts])
    return "".join(f"| {' | '.join(text.replace('|', '/') for text in line)} |\n" for line in lines)


def as_csv(rows: Sequence[Row], measures: Sequence[Measure]) -> str:
    """Write the table as CSV: a row for each group, shares as they are, five columns for each measure."""
    keys = list(rows[0].settings) if rows else []
    parts = ("mean", "std", "worst", "best", "n")
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([*(keys or ["runs"]), "n", *(f"{m.key}_{part}" for m in measures for part in parts)])
    for row in rows:
        cells: list[object] = []
        for measure in measures:
            spread = row.spreads.get(measure.key)
            cells += [""] * len(parts) if spread is None else [getattr(spread, part) for part in parts]
        names = list(row.settings.values()) or [row.name]
        writer.writerow([*names, row.n, *("" if value is None else value for value in cells)])
    return buffer.getvalue()
