"""What runs are compared by: the scores of ``summary.json``, and how each is read."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Measure(NamedTuple):
    """A score that runs are compared by.

    Attributes
    ----------
    key
        Its name in files.
    name
        What people call it.
    scale, digits
        What it is multiplied with to be read, and its decimals then.
    higher_is_better
        False where a lower one is.
    """

    key: str
    name: str
    scale: float = 1.0
    digits: int = 2
    higher_is_better: bool = True

    @property
    def unit(self) -> str:
        """What a difference of it is counted in."""
        return f"points of {self.name}" if self.scale == 100 else self.name

    def written(self, value: float) -> str:
        """Write a value as it is read."""
        return f"{value * self.scale:.{self.digits}f}"


LABELED = (Measure("acc", "ACC", 100), Measure("nmi", "NMI", 100), Measure("ari", "ARI", 100))
UNLABELED = (
    Measure("silhouette", "Silhouette", digits=3),
    Measure("davies_bouldin", "Davies-Bouldin", digits=3, higher_is_better=False),
    Measure("confidence", "Confidence", 100, 1),
)
# Of what a model optimizes, the first that it has: the bound, an autoencoder's error, or a loss.
OBJECTIVES = (
    Measure("test/elbo", "ELBO, test", digits=1),
    Measure("train/elbo", "ELBO", digits=1),
    Measure("test/reconstruction", "Error, test", digits=4, higher_is_better=False),
    Measure("train/reconstruction", "Error", digits=4, higher_is_better=False),
    Measure("test/loss", "Loss, test", digits=3, higher_is_better=False),
    Measure("train/loss", "Loss", digits=3, higher_is_better=False),
)
SECONDS = Measure("seconds", "Seconds", digits=1, higher_is_better=False)


def scores_of(summary: Mapping[str, Any]) -> dict[str, float]:
    """Return a run's scores by the key of their measure, its own clustering's alone.

    Parameters
    ----------
    summary
        What ``summary.json`` holds. The time of a run that went on from a checkpoint is left out: it is that
        of its last part alone.
    """
    own, metrics = (summary.get("results") or [{}])[-1], summary.get("metrics") or {}
    found = dict(own.get("pool") or {}) | dict(own.get("unlabeled") or {})
    scores = {m.key: float(found[m.key]) for m in (*LABELED, *UNLABELED) if found.get(m.key) is not None}
    for objective in OBJECTIVES:
        # Others than an autoencoder log the error too, as a part of what they optimize.
        if objective.key in metrics and ("Error" not in objective.name or summary.get("model") == "AE"):
            scores[objective.key] = float(metrics[objective.key])
            break
    if summary.get("seconds") and not (summary.get("config") or {}).get("ckpt_path"):
        scores[SECONDS.key] = float(sum(summary["seconds"].values()))
    return scores


def measures_of(scores: list[dict[str, float]]) -> list[Measure]:
    """Return what runs are compared by, the decisive measure first: without labels what needs none."""
    had = {key for of_run in scores for key in of_run}
    of_clusters = LABELED if had & {measure.key for measure in LABELED} else UNLABELED
    return [measure for measure in (*of_clusters, *OBJECTIVES, SECONDS) if measure.key in had]
