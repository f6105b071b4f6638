"""What a model can do beyond encoding and decoding: small protocols, asked for with ``isinstance``.

Whoever needs a capability asks for it and never for a class, so a new model has the figures, the tasks and
the callbacks of each protocol that it fulfills.

A protocol asks for methods and plain values, never for a parameter, a buffer or a module: from Python 3.12
on, ``isinstance`` does not see what a module keeps in its registers.
"""

from collections.abc import Iterable
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from latentclust.models.ae import AE
from latentclust.models.inputs import Inputs
from latentclust.modules.mixture import MixtureParameters


@runtime_checkable
class Pretrains(Protocol):
    """Starts from an autoencoder that an earlier stage has trained."""

    def start_from(self, autoencoder: AE) -> None:
        """Take over the autoencoder's weights."""


@runtime_checkable
class Clusters(Protocol):
    """Learns clusters of its own; those of other models are a mixture that is fitted to their codes."""

    n_clusters: int
    """K."""

    def predict_proba(self, x: Inputs) -> Tensor:
        """Compute each input's probability of each cluster, ``(B, K)``."""

    def predict(self, x: Inputs) -> Tensor:
        """Choose each input's cluster, int64 ``(B,)``."""


@runtime_checkable
class HasMixture(Clusters, Protocol):
    """Its clusters are the components of a Gaussian mixture, which generates codes too."""

    def mixture_parameters(self) -> MixtureParameters:
        """Copy the mixture out."""

    def sample_codes(
        self, n: int, cluster: int | None = None, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Draw codes ``(n, D)`` of one cluster, or of all, and the clusters that they are of ``(n,)``."""

    def sample(self, n: int, cluster: int | None = None, generator: torch.Generator | None = None) -> Tensor:
        """Generate images ``(n, C, H, W)`` of one cluster, or of all."""


@runtime_checkable
class HasCenters(Clusters, Protocol):
    """Its clusters are points among the codes, without weights and variances."""

    def cluster_centers(self) -> Tensor:
        """Return them, ``(K, D)``, without a gradient."""


@runtime_checkable
class Samples(Protocol):
    """Generates inputs from codes of N(0, I), which its codes follow."""

    standard_normal_codes: bool

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Generate images ``(n, C, H, W)``."""


@runtime_checkable
class StartsFromMixture(Clusters, Protocol):
    """Starts from a mixture that is fitted to its codes without labels, and may be fitted again."""

    refit_at: Iterable[int]
    """The epochs at whose start the mixture is fitted again."""

    def has_mixture(self) -> bool:
        """Whether it has one; a continued model has."""

    def encode(self, x: Inputs) -> Tensor:
        """Encode inputs as codes ``(B, D)``."""

    def features(self, x: Inputs) -> Tensor:
        """Compute what the encoder sees before it makes codes, ``(B, F)``."""

    def set_mixture(self, parameters: MixtureParameters) -> None:
        """Put the clusters where the mixture's components are."""

    def change_axes(self, axes: Tensor) -> None:
        """Have codes ``axes @ z`` instead of z, ``(D, D)``."""

    def mixture_state(self) -> list[Tensor]:
        """Return the tensors that a fit sets, to be shared with other processes."""


@runtime_checkable
class EpochTargets(Clusters, Protocol):
    """Learns from targets: the clusters that the inputs are to have in an epoch."""

    holds_partition: bool
    """Whether this epoch's targets are the partition that the model started from, or was last fitted to."""
    self_trains: bool
    """Whether the targets of the other epochs are made of the model's own assignments."""
    tolerance: float
    """Training is over once a smaller share of the inputs than this changes its cluster from targets to
    targets; 0: it runs to its last epoch."""

    def cluster_logits(self, x: Inputs) -> Tensor:
        """Compute the logarithms of the inputs' assignments, up to a constant for each input, ``(B, K)``."""

    def epoch_targets(self, logits: Tensor) -> Tensor:
        """Turn the logarithms of the whole pool's assignments ``(N, K)`` into its targets ``(N, K)``."""
