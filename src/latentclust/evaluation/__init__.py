"""Where labels meet predictions: accuracy by optimal assignment, NMI and ARI."""

from latentclust.evaluation.assignment import cluster_accuracy, contingency, match_clusters
from latentclust.evaluation.metrics import ClusterAccuracy, ClusteringScores, clustering_scores

__all__ = [
    "ClusterAccuracy",
    "ClusteringScores",
    "cluster_accuracy",
    "clustering_scores",
    "contingency",
    "match_clusters",
]
