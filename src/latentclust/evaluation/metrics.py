"""How well clusters agree with classes: ACC, NMI and ARI, of arrays or added up over batches and processes.

All scores are functions of one contingency table, which is what the metrics keep and add up.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torchmetrics import Metric, MetricCollection

from latentclust.evaluation.assignment import Labels, contingency, matched_share, whole_numbers
from latentclust.evaluation.scores import Counts, adjusted_rand_index, normalized_mutual_information


class ClusteringScores(NamedTuple):
    """How well a clustering agrees with the classes, and how it uses its clusters."""

    acc: float | None
    """Accuracy under the best one-to-one assignment, in (0, 1]; None, like the next two, without labels."""
    nmi: float | None
    """Normalized mutual information, in [0, 1]."""
    ari: float | None
    """Adjusted Rand index, at most 1 and 0 on average by chance."""
    used: int
    """Clusters with a member."""
    smallest_share: float
    """Share of the images that is in the smallest of the used clusters, in (0, 1]."""


def clustering_scores(clusters: Labels, labels: Labels | None) -> ClusteringScores:
    """Score clusters ``(N,)`` against labels ``(N,)``, both any whole numbers.

    Without labels, acc, nmi and ari are None.

    Raises
    ------
    ValueError
        If N is 0, the lengths differ or the values are not whole numbers.
    """
    clusters = whole_numbers(clusters)
    counts = contingency(clusters, clusters if labels is None else labels)
    use = len(counts), smallest_share(counts)
    if labels is None:
        return ClusteringScores(None, None, None, *use)
    return ClusteringScores(
        matched_share(counts), normalized_mutual_information(counts), adjusted_rand_index(counts), *use
    )


def smallest_share(counts: Counts) -> float:
    """Share of the inputs in the smallest cluster of ``counts`` ``(K, C)`` that has any, in (0, 1]."""
    sizes = counts.sum(axis=1)
    return float(sizes[sizes > 0].min() / sizes.sum())


class ContingencyMetric(Metric):
    """A score of the contingency table of clusters and classes, added up over batches and over processes.

    Parameters
    ----------
    n_clusters, n_classes
        Clusters and labels lie in ``[0, n_clusters)`` and ``[0, n_classes)``.
    options
        Of :class:`torchmetrics.Metric`.
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False
    counts: Tensor

    def __init__(self, n_clusters: int, n_classes: int, **options: Any) -> None:
        super().__init__(**options)
        self.add_state("counts", torch.zeros(n_clusters, n_classes, dtype=torch.long), dist_reduce_fx="sum")

    def update(self, clusters: Tensor, labels: Tensor) -> None:
        """Count a batch of clusters ``(B,)`` and labels ``(B,)``.

        Raises
        ------
        ValueError
            If one of them is out of range.
        """
        self.counts += torch.from_numpy(contingency(clusters, labels, *self.counts.shape)).to(self.device)

    def score(self, counts: Counts) -> float:
        """Compute the score of a contingency table ``(K, C)``."""
        raise NotImplementedError

    def compute(self) -> Tensor:
        """Compute the score of all batches so far, a scalar."""
        # On the CPU: some devices have no float64.
        return torch.tensor(self.score(self.counts.cpu().numpy()), dtype=torch.float64)


class ClusteringAccuracy(ContingencyMetric):
    """ACC: :func:`~latentclust.evaluation.assignment.cluster_accuracy`, in (0, 1]."""

    def score(self, counts: Counts) -> float:
        """Share of the inputs that the best one-to-one assignment gets right."""
        return matched_share(counts)


class NormalizedMutualInformation(ContingencyMetric):
    """NMI: :func:`~latentclust.evaluation.scores.normalized_mutual_information`, in [0, 1]."""

    def score(self, counts: Counts) -> float:
        """Mutual information over the mean of both entropies."""
        return normalized_mutual_information(counts)


class AdjustedRandIndex(ContingencyMetric):
    """ARI: :func:`~latentclust.evaluation.scores.adjusted_rand_index`, at most 1."""

    def score(self, counts: Counts) -> float:
        """Agreement of pairs, corrected for chance."""
        return adjusted_rand_index(counts)


class ClustersUsed(ContingencyMetric):
    """Clusters with a member, 1 to K."""

    def score(self, counts: Counts) -> float:
        """Count the clusters that have a member."""
        return float((counts.sum(axis=1) > 0).sum())


class SmallestShare(ContingencyMetric):
    """Share of the inputs in the smallest cluster that has any, in (0, 1]."""

    def score(self, counts: Counts) -> float:
        """Size of the smallest cluster in use over the number of images."""
        return smallest_share(counts)


def clustering_metrics(n_clusters: int, n_classes: int | None, **options: Any) -> MetricCollection:
    """Collect the metrics of one clustering, by the names they are logged with.

    They share one contingency table.

    Parameters
    ----------
    n_clusters
        K.
    n_classes
        C; None for unlabeled inputs, of which only the use of clusters is measured: give 0 as every label.
    options
        Of :class:`torchmetrics.Metric`, such as ``sync_on_compute=False`` where one process has all inputs.
    """
    use: dict[str, Metric] = {"used": ClustersUsed(n_clusters, n_classes or 1, **options)}
    use["smallest_share"] = SmallestShare(n_clusters, n_classes or 1, **options)
    agreement: dict[str, Metric] = {}
    if n_classes is not None:
        agreement = {
            "acc": ClusteringAccuracy(n_clusters, n_classes, **options),
            "nmi": NormalizedMutualInformation(n_clusters, n_classes, **options),
            "ari": AdjustedRandIndex(n_clusters, n_classes, **options),
        }
    metrics = agreement | use
    return MetricCollection(metrics, compute_groups=[list(metrics)])  # type: ignore[arg-type]
