"""The LightningModules: AE, VAE, VaDE, DEC and IDEC."""

from latentclust.models.ae import AE
from latentclust.models.base import LatentModel, ObjectiveMetric
from latentclust.models.bounds import Described, PoolBounds
from latentclust.models.capabilities import (
    Clusters,
    EpochTargets,
    HasCenters,
    HasMixture,
    Pretrains,
    Samples,
    StartsFromMixture,
)
from latentclust.models.dec import DEC, IDEC
from latentclust.models.vade import VaDE
from latentclust.models.vae import VAE

__all__ = [
    "AE",
    "DEC",
    "IDEC",
    "VAE",
    "Clusters",
    "Described",
    "EpochTargets",
    "HasCenters",
    "HasMixture",
    "LatentModel",
    "ObjectiveMetric",
    "PoolBounds",
    "Pretrains",
    "Samples",
    "StartsFromMixture",
    "VaDE",
]
