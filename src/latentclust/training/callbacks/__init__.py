"""What watches and serves the training: initialization, measures, checkpoints, progress."""

from latentclust.training.callbacks.board import Board
from latentclust.training.callbacks.checkpoints import RECORD_KEY, Checkpoints, RunRecord
from latentclust.training.callbacks.cluster_accuracy import ClusterAccuracy
from latentclust.training.callbacks.cluster_targets import ClusterTargets
from latentclust.training.callbacks.deadline import Deadline
from latentclust.training.callbacks.early_stopping import StopsImproving
from latentclust.training.callbacks.epoch_figures import EpochFigures
from latentclust.training.callbacks.epoch_report import EpochReport
from latentclust.training.callbacks.epoch_seed import EpochSeed
from latentclust.training.callbacks.history import History
from latentclust.training.callbacks.learning_rates import LearningRates
from latentclust.training.callbacks.mixture_initialization import MixtureInitialization
from latentclust.training.callbacks.objective_terms import ObjectiveTerms
from latentclust.training.callbacks.progress import EpochLines, StageProgress
from latentclust.training.callbacks.recorded_steps import RecordedSteps
from latentclust.training.callbacks.throughput import Throughput

__all__ = [
    "RECORD_KEY",
    "Board",
    "Checkpoints",
    "ClusterAccuracy",
    "ClusterTargets",
    "Deadline",
    "EpochFigures",
    "EpochLines",
    "EpochReport",
    "EpochSeed",
    "History",
    "LearningRates",
    "MixtureInitialization",
    "ObjectiveTerms",
    "RecordedSteps",
    "RunRecord",
    "StageProgress",
    "StopsImproving",
    "Throughput",
]
