"""scikit-learn's habits on the same engine."""

from latentclust.estimator.deep_clustering import DeepClustering

__all__ = ["DeepClustering"]
