"""What watches and serves the training: initialization, measures, checkpoints, progress."""

from latentclust.callbacks.checkpoints import RECORD_KEY, Checkpoints, RunRecord
from latentclust.callbacks.cluster_accuracy import ClusterAccuracy
from latentclust.callbacks.cluster_targets import ClusterTargets
from latentclust.callbacks.deadline import Deadline
from latentclust.callbacks.epoch_figures import EpochFigures
from latentclust.callbacks.epoch_seed import EpochSeed
from latentclust.callbacks.history import History
from latentclust.callbacks.mixture_initialization import MixtureInitialization
from latentclust.callbacks.objective_terms import ObjectiveTerms
from latentclust.callbacks.progress import EpochLines, StageProgress
from latentclust.callbacks.throughput import Throughput

__all__ = [
    "RECORD_KEY",
    "Checkpoints",
    "ClusterAccuracy",
    "ClusterTargets",
    "Deadline",
    "EpochFigures",
    "EpochLines",
    "EpochSeed",
    "History",
    "MixtureInitialization",
    "ObjectiveTerms",
    "RunRecord",
    "StageProgress",
    "Throughput",
]
