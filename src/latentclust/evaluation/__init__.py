"""Where labels meet predictions: accuracy by optimal assignment, NMI and ARI."""

from latentclust.evaluation.assignment import cluster_accuracy, contingency, match_clusters
from latentclust.evaluation.metrics import (
    AdjustedRandIndex,
    ClusteringAccuracy,
    ClusteringScores,
    NormalizedMutualInformation,
    clustering_metrics,
    clustering_scores,
)
from latentclust.evaluation.unlabeled import UnlabeledScores, agreement, unlabeled_scores

__all__ = [
    "AdjustedRandIndex",
    "ClusteringAccuracy",
    "ClusteringScores",
    "NormalizedMutualInformation",
    "UnlabeledScores",
    "agreement",
    "cluster_accuracy",
    "clustering_metrics",
    "clustering_scores",
    "contingency",
    "match_clusters",
    "unlabeled_scores",
]
