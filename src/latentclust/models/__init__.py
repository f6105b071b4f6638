"""The LightningModules: AE, VAE and VaDE."""

from latentclust.models.ae import AE
from latentclust.models.base import LatentModel, ObjectiveMetric
from latentclust.models.capabilities import (
    Clusters,
    EpochTargets,
    HasMixture,
    Pretrains,
    Samples,
    StartsFromMixture,
)
from latentclust.models.vade import VaDE
from latentclust.models.vae import VAE

__all__ = [
    "AE",
    "VAE",
    "Clusters",
    "EpochTargets",
    "HasMixture",
    "LatentModel",
    "ObjectiveMetric",
    "Pretrains",
    "Samples",
    "StartsFromMixture",
    "VaDE",
]
