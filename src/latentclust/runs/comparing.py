"""Compare runs: one table of what varied, the seeds folded, on the screen and as files."""

import csv
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from latentclust import figures
from latentclust.atomic import whole_file
from latentclust.evaluation.comparison import against_best, in_words, spread
from latentclust.evaluation.comparison_table import (
    Row,
    as_csv,
    columns_of,
    in_order,
    markdown,
    print_comparison,
)
from latentclust.evaluation.measures import SECONDS, Measure, measures_of
from latentclust.figures.comparison_page import PageRow, Problem, render_comparison
from latentclust.runs.grouping import Group, group_runs, unequal
from latentclust.runs.jobs import State, label, varied_keys
from latentclust.runs.records import UNKNOWN, Record
from latentclust.runs.run import tell

PAGE, TABLE, TEXT, RUNS = "sweep.html", "sweep.csv", "sweep.md", "runs.csv"
# Settings that a choice has brought along: of more, the first ones are named.
NAMED = 6
IN_WORDS = {"stopped": "stopped before its end", "waiting": "never begun"}


@dataclass(frozen=True)
class Comparison:
    """Runs in groups.

    Attributes
    ----------
    groups
        All runs, by what varied.
    measures
        What they are compared by, the decisive one first; none if no run is whole.
    rows
        Of the table, the best group first; a group without a whole run has none.
    """

    groups: list[Group]
    measures: list[Measure]
    rows: list[Row]

    @classmethod
    def of(cls, records: Sequence[Record]) -> "Comparison":
        """Group runs and fold their seeds."""
        groups = group_runs(records)
        measures = measures_of([record.scores for record in records])
        rows = []
        for group in groups:
            whole = [record.scores for record in group.records if record.summary]
            had = {m: [scores[m.key] for scores in whole if m.key in scores] for m in measures}
            spreads = {
                m.key: spread(values, higher_is_better=m.higher_is_better)
                for m, values in had.items()
                if values
            }
            if whole:
                rows.append(Row(group.name, group.settings, spreads, len(whole)))
        return cls(groups, measures, in_order(rows, measures[0]) if measures else rows)

    @property
    def records(self) -> list[Record]:
        """All runs."""
        return [record for group in self.groups for record in group.records]

    @property
    def problems(self) -> list[Record]:
        """Those without a result."""
        return [record for record in self.records if record.state.status != "finished"]

    @property
    def is_drawn(self) -> bool:
        """Whether any of the runs was to have figures."""
        return any(record.config.get("figures.at_end", True) for record in self.records)

    @property
    def varied(self) -> list[str]:
        """What tells one run from another."""
        return varied_keys([record.given for record in self.records])

    @property
    def title(self) -> str:
        """What is compared."""
        varied = list(self.groups[0].settings) or ["seed"]
        summaries = [record.summary for record in self.records if record.summary]
        data = {str(summary.get("data")) for summary in summaries}
        what = f"By {' and '.join(filter(None, (', '.join(varied[:-1]), varied[-1])))}"
        return f"{what}, on {data.pop()}" if len(data) == 1 else what

    @property
    def sentence(self) -> str:
        """How many runs there are."""
        n, seeds = len(self.records), len({record.seed for record in self.records} - {UNKNOWN})
        told = f"{counted(n, 'run')}: {counted(len(self.groups), 'setting')}, {counted(seeds, 'seed')}"
        states = [record.state.status for record in self.problems]
        parts = [f"{states.count(s)} {s}" for s in ("failed", "stopped", "waiting") if s in states]
        return f"{told}; {', '.join(parts)}" if parts else told

    @property
    def findings(self) -> list[str]:
        """Which differences are larger than the seeds' noise; each data set for itself."""
        if not self.measures:
            return []
        main, told = self.measures[0], []
        for data in dict.fromkeys(group.settings.get("data", "") for group in self.groups):
            scores = {
                group.name: {
                    int(record.seed): record.scores[main.key]
                    for record in group.records
                    if main.key in record.scores
                }
                for group in self.groups
                if group.settings.get("data", "") == data
            }
            found = against_best(scores, higher_is_better=main.higher_is_better)
            told += in_words(found, main.unit, main.scale, main.digits)
        return list(dict.fromkeys(told))

    @property
    def warnings(self) -> list[str]:
        """What else differs between the groups than what was varied."""
        found = unequal(self.groups)
        if not found:
            return []
        named = [f"{key} ({', '.join(values)})" for key, values in list(found.items())[:NAMED]]
        more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
        advice = ""
        if "model" in self.groups[0].settings:
            advice = "; experiment=compare gives all models the same network, images and batches"
        varied = ", ".join(self.groups[0].settings)
        return [f"Beside {varied} these differ too: {', '.join(named)}{more}{advice}"]

    def print(self) -> None:
        """Print the table and what is to be said of it."""
        if self.rows:
            print_comparison(self.rows, self.measures, f"{self.title}. {self.sentence}")
        for line in (*self.findings, *self.warnings):
            tell(line)
        for record in self.problems:
            problem = problem_of(record, record.folder.parent, self.varied)
            tell(f"{problem.name}: {problem.status}{f': {problem.error}' if problem.error else ''}")

    def write(self, folder: Path, command: str | None = None) -> Path:
        """Write ``sweep.html``, ``sweep.csv``, ``sweep.md``, ``runs.csv`` and ``figures/*.png``.

        Returns
        -------
        Path
            The page.
        """
        text = f"# {self.title}\n\n{self.sentence}.\n\n{markdown(self.rows, self.measures)}\n"
        text += "".join(f"{line}\n\n" for line in (*self.findings, *self.warnings))
        texts = {TABLE: as_csv(self.rows, self.measures), TEXT: text, RUNS: self.runs_as_csv()}
        for name, content in texts.items():
            with whole_file(folder / name) as file:
                file.write(content.encode())
        return render_comparison(
            folder / PAGE,
            title=self.title,
            sentence=f"{self.sentence}.",
            rows=[self.page_row(row, folder) for row in self.rows],
            findings=self.findings,
            warnings=self.warnings,
            problems=[problem_of(record, folder, self.varied) for record in self.problems],
            figures=self.draw(folder / "figures") if self.is_drawn else {},
            files=list(texts),
            command=command,
        )

    def draw(self, folder: Path) -> dict[str, Path]:
        """Draw every seed, a figure for each measure but the time."""
        drawn = {}
        for measure in self.measures:
            rows = [row for row in self.rows if measure.key in row.spreads]
            # A lone dot, or what only one of several groups has, compares nothing.
            if measure is SECONDS or len(rows) < min(2, len(self.rows)) or sum(row.n for row in rows) < 2:
                continue
            of_group = {group.name: group for group in self.groups}
            dots = {
                row.name: [
                    measure.scale * record.scores[measure.key]
                    for record in of_group[row.name].records
                    if measure.key in record.scores
                ]
                for row in rows
            }
            ends = {row.name: row.spreads[measure.key].interval for row in rows}
            scaled = {
                name: None if end is None else (measure.scale * end[0], measure.scale * end[1])
                for name, end in ends.items()
            }
            unit = "%" if measure.scale == 100 else "higher is better"
            unit = unit if measure.higher_is_better else "lower is better"
            figure = figures.seed_dots(dots, scaled, title=measure.name, unit=unit)
            drawn[measure.name] = figures.save(figure, folder / measure.key.replace("/", "_"))
        return drawn

    def page_row(self, row: Row, folder: Path) -> PageRow:
        """Write a row for the page, with links to the reports of its runs."""
        place = self.rows.index(row)
        cells = [(column.heading, *column.cells(self.rows)[place]) for column in columns_of(self.measures)]
        (group,) = [group for group in self.groups if group.name == row.name]
        runs = [(record.seed, link(record, folder)) for record in group.records if record.summary]
        return PageRow(list(row.settings.items()) or [("Run", row.name)], cells, runs)

    def runs_as_csv(self) -> str:
        """Write a row for each run: what varied, its seed, its state, its scores and its folder."""
        buffer, keys = io.StringIO(), list(self.groups[0].settings)
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow([*keys, "seed", "state", *(m.key for m in self.measures), "folder", "error"])
        for group in self.groups:
            for record in group.records:
                scores = [record.scores.get(measure.key, "") for measure in self.measures]
                state = record.state
                row = [
                    *group.settings.values(),
                    record.seed,
                    state.status,
                    *scores,
                    record.folder,
                    state.error or "",
                ]
                writer.writerow(row)
        return buffer.getvalue()


def counted(n: int, noun: str) -> str:
    """Write a number and its noun.

    Examples
    --------
    >>> counted(1, "run"), counted(9, "run")
    ('1 run', '9 runs')
    """
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def link(record: Record, folder: Path) -> str | None:
    """Return where a run's report or else its folder is, from a page in another folder."""
    report = record.folder / "report.html"
    target = report if report.is_file() else record.folder
    return Path(os.path.relpath(target, folder)).as_posix() if target.exists() else None


def problem_of(record: Record, folder: Path, varied: Sequence[str]) -> Problem:
    """Say what became of a run without a result; what varied tells it from the others."""
    state: State = record.state
    name = f"{record.folder.name}, {label(record.given, varied)}"
    log = record.folder / "latentclust.log"
    place = Path(os.path.relpath(log, folder)).as_posix() if log.is_file() else None
    return Problem(name, IN_WORDS.get(state.status, state.status), state.error, place)
