"""Deep Embedded Clustering, and its improved form that keeps the decoder."""

from collections.abc import Iterator, Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from latentclust.data.batches import Batch
from latentclust.errors import LatentclustError
from latentclust.models.ae import AE
from latentclust.models.inputs import Inputs, as_inputs
from latentclust.models.started import StartedModel
from latentclust.modules.decoders import build_decoder
from latentclust.modules.likelihoods import likelihood_of
from latentclust.modules.mixture import MixtureParameters
from latentclust.modules.networks import Encoder
from latentclust.modules.objectives import balanced_targets, expected_nll
from latentclust.modules.student import kl_of_targets, student_logits


class DEC(StartedModel):
    """DEC (Xie, Girshick and Farhadi 2016): an encoder and K centers that sharpen their own assignments.

    An input is assigned by Student's t of its code's distance from each center. In every epoch the encoder
    and the centers approach the targets p that are proportional to q^2 / f. The decoder is that of the first
    stage: nothing trains it further, so its pictures of the codes get worse while these move.

    Parameters
    ----------
    input_shape
        Shape of an image, ``(C, H, W)``.
    widths
        Units of the encoder's hidden layers; the decoder mirrors them.
    latent_dim
        Dimensions D of the code.
    n_clusters
        Centers K.
    channels, decoder
        Of the encoder's convolutions, and what mirrors them: see
        :class:`~latentclust.modules.networks.Encoder` and
        :func:`~latentclust.modules.decoders.build_decoder`.
    alpha
        Degrees of freedom of Student's t, above 0; 1 in the paper.
    likelihood
        Of the autoencoder that it starts from: a key of
        :data:`~latentclust.modules.likelihoods.LIKELIHOODS`.
    tolerance
        Training stops once a smaller share of the inputs than this changes its cluster between two epochs'
        targets: 0.001 in the paper; 0 for all epochs.
    learning_rate, schedule, step_every, step_factor
        See :class:`~latentclust.models.base.LatentModel`.
    """

    refit_at: tuple[int, ...] = ()
    holds_partition = False
    self_trains = True
    recordable = True

    def __init__(
        self,
        input_shape: Sequence[int],
        widths: Sequence[int],
        latent_dim: int,
        n_clusters: int,
        channels: Sequence[int] | None = None,
        decoder: str = "perceptron",
        alpha: float = 1.0,
        likelihood: str = "squared_error",
        tolerance: float = 0.0,
        learning_rate: float = 1e-3,
        schedule: str = "constant",
        step_every: int = 10,
        step_factor: float = 0.95,
    ) -> None:
        super().__init__(learning_rate, schedule, step_every, step_factor)
        self.save_hyperparameters(logger=False)
        if n_clusters < 1:
            raise LatentclustError(f"n_clusters is {n_clusters}: there must be at least 1 cluster")
        self.encoder = Encoder(input_shape, widths, latent_dim, channels or ())
        self.likelihood = likelihood_of(likelihood, input_shape)
        self.decoder = build_decoder(
            decoder, latent_dim, widths, self.likelihood.output_shape(input_shape), channels
        )
        self.n_clusters = n_clusters
        self.centers = nn.Parameter(0.1 * torch.randn(n_clusters, latent_dim))
        self.alpha = alpha
        self.tolerance = tolerance

    def start_from(self, autoencoder: AE) -> None:
        """Take over a pretrained autoencoder's weights.

        Raises
        ------
        LatentclustError
            If its layers have other sizes.
        """
        try:
            self.encoder.load_state_dict(autoencoder.encoder.state_dict())
            self.decoder.load_decoder(autoencoder.decoder)
        except RuntimeError as error:
            raise LatentclustError("the pretrained autoencoder has layers of other sizes") from error

    @torch.no_grad()
    def set_mixture(self, parameters: MixtureParameters) -> None:
        """Put the centers at the means of a mixture; its weights and variances have no counterpart."""
        self.centers.copy_(parameters.means)
        self.mixture_is_fitted.fill_(True)

    def cluster_centers(self) -> Tensor:
        """Return the centers ``(K, D)``, without a gradient."""
        return self.centers.detach()

    def mixture_state(self) -> list[Tensor]:
        """Return the tensors that :meth:`set_mixture` sets."""
        return [self.centers, self.mixture_is_fitted]

    def change_axes(self, axes: Tensor) -> None:
        """Have codes ``axes @ z`` instead of z, ``(D, D)``, without a change to what is decoded."""
        self.encoder.change_axes(axes.to(self.centers))
        self.decoder.change_axes(axes.to(self.centers))

    def encode(self, x: Inputs) -> Tensor:
        """Encode inputs as codes ``(B, D)``."""
        codes: Tensor = self.encoder(as_inputs(x, self.encoder.input_shape, self.encoder.mean.weight))
        return codes

    def responsibilities(self, z: Tensor) -> Tensor:
        """Compute the soft assignments q of codes ``(B, D)``, ``(B, K)``, with sum 1 over K."""
        return student_logits(z, self.centers, self.alpha).softmax(dim=-1)

    def cluster_logits(self, x: Inputs) -> Tensor:
        """Compute log q of inputs up to a constant for each, ``(B, K)``."""
        return student_logits(self.encode(x), self.centers, self.alpha)

    def epoch_targets(self, logits: Tensor) -> Tensor:
        """Compute p proportional to q^2 / f for the whole pool, ``(N, K)``: Xie et al. 2016, eq. 3."""
        return balanced_targets(logits, 1.0)

    def training_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        """Return the objective's terms, with the epoch's targets."""
        return self.objective(batch.x, batch.target)

    def objective(self, x: Tensor, targets: Tensor | None = None) -> dict[str, Tensor]:
        """Compute KL(P || Q), in nats per image.

        Parameters
        ----------
        x
            ``(B, C, H, W)``.
        targets
            P ``(B, K)``; None makes them of these inputs' own assignments, for those that are not trained on.
        """
        return self._terms(self.encoder(x), targets)

    def _terms(self, z: Tensor, targets: Tensor | None) -> dict[str, Tensor]:
        logits = student_logits(z, self.centers, self.alpha)
        kl = kl_of_targets(self.epoch_targets(logits) if targets is None else targets, logits).mean()
        return {"loss": kl, "kl": kl}

    def parameter_groups(self) -> Iterator[dict[str, Any]]:
        """Yield the encoder and the centers: the decoder is not trained."""
        parameters = [*self.encoder.parameters(), self.centers]
        yield {"name": "networks", "params": parameters, "lr": self.learning_rate}


class IDEC(DEC):
    """IDEC (Guo, Gao, Liu and Yin 2017): DEC that goes on rebuilding its inputs, which keeps codes apart.

    Parameters
    ----------
    input_shape, widths, latent_dim, n_clusters, channels, decoder, alpha, tolerance
        As for :class:`DEC`.
    likelihood
        As for :class:`DEC`; here its loss, averaged over an input's values as in the authors' program, is
        trained beside the clusters.
    clustering_weight
        gamma, the weight of KL(P || Q) beside the reconstruction; 0.1 in the paper.
    learning_rate, schedule, step_every, step_factor
        See :class:`~latentclust.models.base.LatentModel`.
    """

    recordable = True

    def __init__(
        self,
        input_shape: Sequence[int],
        widths: Sequence[int],
        latent_dim: int,
        n_clusters: int,
        channels: Sequence[int] | None = None,
        decoder: str = "perceptron",
        alpha: float = 1.0,
        likelihood: str = "squared_error",
        tolerance: float = 0.0,
        clustering_weight: float = 0.1,
        learning_rate: float = 1e-3,
        schedule: str = "constant",
        step_every: int = 10,
        step_factor: float = 0.95,
    ) -> None:
        super().__init__(
            input_shape,
            widths,
            latent_dim,
            n_clusters,
            channels,
            decoder,
            alpha,
            likelihood,
            tolerance,
            learning_rate,
            schedule,
            step_every,
            step_factor,
        )
        self.save_hyperparameters(logger=False)
        self.clustering_weight = clustering_weight
        self.n_values = prod(input_shape)

    def objective(self, x: Tensor, targets: Tensor | None = None) -> dict[str, Tensor]:
        """Compute the reconstruction error per value plus gamma KL(P || Q); arguments as for :class:`DEC`."""
        z = self.encoder(x)
        kl = self._terms(z, targets)["kl"]
        error = expected_nll(x, self.decoder(z), self.likelihood).mean() / self.n_values
        return {"loss": error + self.clustering_weight * kl, "reconstruction": error, "kl": kl}

    def parameter_groups(self) -> Iterator[dict[str, Any]]:
        """Yield both networks and the centers."""
        (group,) = super().parameter_groups()
        yield group | {"params": [*group["params"], *self.decoder.parameters()]}
