"""What remains of a run in numbers: summary.json and the sweeper's metric."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from latentclust.atomic import whole_file
from latentclust.clustering.choose import Choice
from latentclust.errors import LatentclustError
from latentclust.evaluation.health import Health
from latentclust.evaluation.measures import LABELED, UNLABELED, scores_of
from latentclust.evaluation.results import Result, final_metrics, print_table
from latentclust.hardware import device_name
from latentclust.runs.run import Run, tell
from latentclust.runs.versions import versions


@dataclass
class Summary:
    """A run in plain values: what ``summary.json`` holds.

    ``results`` has a row for each method with its scores on the pool and the test inputs (shares, not
    percent); ``seconds`` what each stage took; ``metrics`` the last logged and the final values; ``inputs``
    what was clustered, inputs or points; ``health`` what shows without labels whether it went well;
    ``choice`` how K was chosen.
    """

    command: str
    commit: str | None
    date: str
    device: str
    model: str
    data: str
    seed: int
    versions: dict[str, str]
    seconds: dict[str, float]
    results: list[dict[str, Any]]
    clusters: dict[str, float]
    metrics: dict[str, float]
    config: dict[str, Any]
    warnings: list[str]
    inputs: str = "images"
    health: Health | None = None
    choice: dict[str, Any] | None = None

    @classmethod
    def of(
        cls,
        run: Run,
        model: str,
        results: list[Result],
        metrics: dict[str, float],
        *,
        data: str,
        accelerator: str,
        config: dict[str, Any],
        inputs: str = "images",
        health: Health | None = None,
        choice: Choice | None = None,
    ) -> "Summary":
        """Put together what is known when everything has been measured.

        Parameters
        ----------
        run
            Its command, commit, times and warnings.
        model, data
            What they are called.
        results, metrics
            The table's rows, the model's own clustering last, and what was logged.
        accelerator
            What computed.
        config
            All settings in plain values.
        inputs
            What was clustered: images, vectors or points.
        health
            Of the model's own clustering.
        choice
            Of the number of clusters, if that was left to the run.
        """
        own = results[-1].pool
        return cls(
            command=run.command,
            commit=run.commit,
            date=datetime.now().astimezone().isoformat(timespec="seconds"),
            device=device_name(accelerator, config["trainer"]["devices"] * config["trainer"]["num_nodes"]),
            model=model,
            data=data,
            seed=config["seed"],
            versions=versions(),
            seconds=run.seconds,
            results=[result.plain() for result in results],
            clusters={"used": own.used, "smallest_share": own.smallest_share},
            metrics={**metrics, **final_metrics(results)},
            config=config,
            warnings=run.warnings,
            inputs=inputs,
            health=health,
            choice=None if choice is None else choice._asdict(),
        )

    def write(self, folder: Path) -> None:
        """Write ``summary.json``, whole or not at all."""
        with whole_file(folder / "summary.json") as file:
            file.write((json.dumps(asdict(self), indent=2) + "\n").encode())

    def metric(self, name: str, objective: str) -> float | None:
        """Return the sweeper's metric; the name ``objective`` stands for the metric ``objective``.

        Raises
        ------
        LatentclustError
            If the run has no metric of that name.
        """
        key = objective if name == "objective" else name
        if key not in self.metrics:
            known = ", ".join(sorted(self.metrics))
            raise LatentclustError(f"optimized_metric={name}: this run has none of that name; it has {known}")
        return self.metrics[key]


def conclude(run: Run, summary: Summary, results: list[Result], notes: Iterable[str] = ()) -> None:
    """Print the result table and say where the run's folder is; of a job of a sweep, a line."""
    if run.in_sweep is not None:
        tell(f"{run.in_sweep}: {in_a_line(summary)}")
        return
    for note in notes:
        tell(note)
    seconds = ", ".join(f"{stage} {value:.0f} s" for stage, value in summary.seconds.items())
    print_table(results, f"{summary.model} on {summary.data}, seed {summary.seed} ({seconds})")
    if summary.health is not None:
        tell(summary.health.in_words)
        for advice in summary.health.advice[:1]:
            if not run.warnings:
                tell(advice)
    tell(f"Everything is in {run.folder}")


def in_a_line(summary: Summary) -> str:
    """Say in a line how good a run's own clustering is, and how long it took."""
    scores, measures = scores_of(asdict(summary)), (*LABELED, *UNLABELED)
    shown = [measure for measure in measures if measure.key in scores][: len(LABELED)]
    parts = [f"{measure.name} {measure.written(scores[measure.key])}" for measure in shown]
    used = f"{summary.clusters['used']:.0f} of {summary.config['n_clusters']} clusters in use"
    return ", ".join([*parts, used, f"{sum(summary.seconds.values()):.0f} s"])
