"""Train a model, or partition inputs as they are: the same from the command line and from Python."""

from latentclust.engine.fitting import begin, fit, fit_along
from latentclust.engine.outcome import Outcome
from latentclust.engine.partitioning import partition

__all__ = ["Outcome", "begin", "fit", "fit_along", "partition"]
