"""A run in TensorBoard, beside its curves: its name, the page HPARAMS, texts and charts."""

import json
import os
import shlex
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml
from lightning.pytorch.loggers import Logger, TensorBoardLogger
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import hparams

from latentclust.runs.naming import given_settings
from latentclust.training.callbacks import Board
from latentclust.training.callbacks.board import Layout
from latentclust.training.loggers import ByEpoch

FOLDER = "tensorboard"
SCORES = ("acc", "nmi", "ari")
SUFFIX = ".columns"
TERMS = ("elbo", "reconstruction", "kl_z", "kl_c", "kl")
# Which curves share a chart. Of all models: TensorBoard shows equal layouts of several runs as one.
LAYOUT: Layout = {
    "Clusters": {
        "ACC, NMI, ARI": [f"cluster/{score}" for score in SCORES],
        "k-means on the codes": [f"kmeans/{score}" for score in SCORES],
        "a Gaussian mixture on the codes": [f"gmm/{score}" for score in SCORES],
        "clusters in use": ["cluster/used", "kmeans/used", "gmm/used"],
    },
    "Objective": {
        "the bound and its terms": [f"train/{term}" for term in TERMS],
        "of held-out inputs": [f"test/{term}" for term in TERMS],
    },
}


def link_by_name(output_dir: Path, name: str, curves: Path) -> Path | None:
    """Link a run's curves as ``<output_dir>/tensorboard/<name>``, which is how TensorBoard calls the run.

    Links to folders that are gone are removed.

    Returns
    -------
    Path | None
        The link; None where the file system has none.
    """
    folder = output_dir / FOLDER
    with suppress(OSError, NotImplementedError):
        curves.mkdir(parents=True, exist_ok=True)
        folder.mkdir(parents=True, exist_ok=True)
        for other in folder.iterdir():
            if other.is_symlink() and not other.exists():
                other.unlink(missing_ok=True)
        target = os.path.relpath(curves.resolve(), folder.resolve())
        for number in range(1, 1000):
            link = folder / (name if number == 1 else f"{name} ({number})")
            with suppress(FileExistsError):  # of another run, which may have started at the same moment
                link.symlink_to(target, target_is_directory=True)
                return link
    return None


def board(command: str, given: Mapping[str, Any], config: dict[str, Any]) -> Board:
    """Return the callback that writes a run's texts and charts.

    Parameters
    ----------
    command
        That repeats the run.
    given, config
        The settings that were given, and all of them, in plain values.
    """
    texts = {
        "1_command": as_code(command),
        "2_given": as_code(as_yaml(dict(given))),
        "3_settings": as_code(as_yaml(config)),
    }
    return Board(texts, LAYOUT, given)


def log_hparams(
    loggers: Iterable[Logger], given: Mapping[str, Any], metrics: Mapping[str, float], step: int
) -> None:
    """Write the final scores, and for TensorBoard's HPARAMS a row with the settings that were given.

    The final values are the last points of their curves, so that no chart stands there for them alone.

    Parameters
    ----------
    loggers
        Those of the run.
    given
        The settings.
    metrics
        Final values by name.
    step
        Epochs done.
    """
    settings = {name: v if isinstance(v, str | int | float) else written(v) for name, v in given.items()}
    for logger in loggers:
        if isinstance(logger, ByEpoch):
            logger.log_metrics({name: metrics[name] for name in final_scores(metrics)}, step)
        if isinstance(logger, TensorBoardLogger):
            writer = logger.experiment
            # The first of the three would hide the columns of all other runs: write_columns has it.
            for summary in hparams(settings, {})[1:]:  # type: ignore[no-untyped-call]
                writer._get_file_writer().add_summary(summary)


def final_scores(metrics: Mapping[str, float]) -> list[str]:
    """Return the names of the final scores to be compared; the silhouette only where there are no labels."""
    names = [f"cluster/{score}" for score in (*SCORES, "used")]
    return [
        name for name in (*names, *([] if names[0] in metrics else ["cluster/silhouette"])) if name in metrics
    ]


def write_columns(output_dir: Path) -> None:
    """Write which columns the page HPARAMS has: what differs between the runs, and their final metrics.

    TensorBoard takes this from one place for all runs, here ``<output_dir>/tensorboard`` itself.
    """
    folder = output_dir / FOLDER
    rows: list[dict[str, Any]] = []
    metrics: dict[str, None] = {}
    for link in sorted(folder.iterdir()) if folder.is_dir() else []:
        with suppress(OSError, ValueError, KeyError, TypeError):  # a run that is not over, or is gone
            summary = json.loads((link.resolve().parent / "summary.json").read_text(encoding="utf-8"))
            rows.append(given_settings(shlex.split(summary["command"])[3:], summary["config"]))
            metrics |= dict.fromkeys([*final_scores(summary["metrics"]), *objective_of(summary)])
    values = {name: {written(row.get(name)) for row in rows} for row in rows for name in row}
    columns = {name: next(row[name] for row in rows if name in row) for name in values}
    varied = {name: columns[name] for name, found in values.items() if len(found) > 1} or columns
    words = {name: sorted(values[name]) for name, value in varied.items() if isinstance(value, str)}
    shown = {name: v if isinstance(v, str | int | float) else written(v) for name, v in varied.items()}
    with suppress(OSError):
        for old in folder.glob(f"events.*{SUFFIX}"):
            old.unlink(missing_ok=True)
        with SummaryWriter(str(folder), filename_suffix=SUFFIX) as writer:
            experiment = hparams(shown, dict.fromkeys(metrics, 0.0), words)[0]  # type: ignore[no-untyped-call]
            writer._get_file_writer().add_summary(experiment)


def objective_of(summary: Mapping[str, Any]) -> list[str]:
    """Return the name of the metric that says without labels how good a run's model is, if it has one."""
    part = "test" if summary["config"]["data"].get("pool") == "train" else "train"
    names = [f"{part}/{term}" for term in ("elbo", "reconstruction", "loss")]
    return [name for name in names if name in summary["metrics"]][:1]


def written(value: Any) -> str:
    """Write a value as in YAML."""
    return "null" if value is None else str(value)


def as_yaml(tree: dict[str, Any]) -> str:
    """Write plain values as YAML."""
    return yaml.safe_dump(tree, sort_keys=False, allow_unicode=True, default_flow_style=False, width=100)


def as_code(text: str) -> str:
    """Write text as a block of code in Markdown."""
    return "".join(f"    {line}\n" for line in text.splitlines())
