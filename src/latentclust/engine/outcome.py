"""What a run has found."""

from dataclasses import dataclass

from torch import Tensor

from latentclust.clustering.partitions import Partition
from latentclust.evaluation.results import Result
from latentclust.models import LatentModel
from latentclust.runs.summary import Summary


@dataclass(frozen=True)
class Outcome:
    """What a run has found.

    Attributes
    ----------
    model
        The trained model, or the partition of points.
    results
        The rows of the result table; the model's own clustering comes last.
    summary
        What ``summary.json`` holds.
    objective
        The metric that says how good the model is, without labels.
    notes
        What a person may want to read beside the table.
    """

    model: LatentModel | Partition
    results: list[Result]
    summary: Summary
    objective: str
    notes: tuple[str, ...] = ()

    @property
    def clusters(self) -> Tensor:
        """The pool's clusters ``(N,)``, int64, on the CPU."""
        return self.results[-1].clusters

    def metric(self, name: str) -> float | None:
        """Return a metric; ``objective`` is the one that needs no labels.

        Raises
        ------
        LatentclustError
            If the run has none of that name.
        """
        return self.summary.metric(name, self.objective)
