"""Settings of ``model=dec`` and ``model=idec``."""

from typing import Literal

from latentclust.settings.base import NotNegative, Positive, Share
from latentclust.settings.model import Optimizer, Pretrain, Pretrained


class SelfSharpening(Pretrained):
    """What both have."""

    alpha: Positive = 1.0
    """Degrees of freedom of Student's t."""
    tolerance: Share = 0.001
    """Stop once fewer of the inputs change their cluster from epoch to epoch; 0: run all epochs."""
    pretrain: Pretrain = Pretrain(max_epochs=10)
    """The first stage."""
    optimizer: Optimizer = Optimizer(learning_rate=1e-3, schedule="constant")
    """Adam and its schedule."""

    def measured_terms(self) -> set[str]:
        """Return the terms of the objective."""
        return {"loss", "kl"}


class DEC(SelfSharpening):
    """Deep Embedded Clustering."""

    name: Literal["dec"] = "dec"
    """Which model."""


class IDEC(SelfSharpening):
    """Improved Deep Embedded Clustering."""

    name: Literal["idec"] = "idec"
    """Which model."""
    clustering_weight: NotNegative = 0.1
    """Of the clustering loss beside the reconstruction."""

    def measured_terms(self) -> set[str]:
        """Return the terms of the objective."""
        return {"loss", "kl", "reconstruction"}
