"""How well clusters agree with classes.

NMI and ARI are scikit-learn's. torchmetrics (1.9) has them too, but its Rand index multiplies pair counts as
int64, which overflows on a set of the size of MNIST: for 70,000 images in two halves it gives -1.19 where
the index is 0.64.
"""

from typing import NamedTuple

import torch
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from torch import Tensor
from torchmetrics import Metric

from latentclust.evaluation.assignment import Labels, contingency, matched_share, whole_numbers


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
    labels = None if labels is None else whole_numbers(labels)
    counts = contingency(clusters, clusters if labels is None else labels)
    shares = counts.sum(axis=1) / counts.sum()
    scores = ClusteringScores(None, None, None, used=len(counts), smallest_share=float(shares.min()))
    if labels is None:
        return scores
    return scores._replace(
        acc=matched_share(counts),
        nmi=float(normalized_mutual_info_score(labels, clusters)),
        ari=float(adjusted_rand_score(labels, clusters)),
    )


class ClusterAccuracy(Metric):
    """:func:`~latentclust.evaluation.assignment.cluster_accuracy`, accumulated over batches and devices.

    Parameters
    ----------
    n_clusters, n_classes
        Clusters and labels lie in ``[0, n_clusters)`` and ``[0, n_classes)``.
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False
    counts: Tensor

    def __init__(self, n_clusters: int, n_classes: int) -> None:
        super().__init__()
        self.add_state("counts", torch.zeros(n_clusters, n_classes, dtype=torch.long), dist_reduce_fx="sum")

    def update(self, clusters: Tensor, labels: Tensor) -> None:
        """Count a batch of clusters ``(B,)`` and labels ``(B,)``."""
        self.counts += torch.from_numpy(contingency(clusters, labels, *self.counts.shape)).to(self.device)

    def compute(self) -> Tensor:
        """Accuracy of all batches so far, a scalar in (0, 1]."""
        return torch.tensor(matched_share(self.counts.cpu().numpy()), device=self.device)
