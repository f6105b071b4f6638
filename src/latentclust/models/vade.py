"""Variational Deep Embedding."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from latentclust.data.batches import Batch
from latentclust.models.ae import AE
from latentclust.models.base import VariationalModel
from latentclust.models.inputs import Inputs
from latentclust.models.started import StartedModel
from latentclust.modules.decoders import build_decoder
from latentclust.modules.likelihoods import likelihood_of
from latentclust.modules.mixture import GaussianMixturePrior, MixtureParameters
from latentclust.modules.networks import GaussianEncoder
from latentclust.modules.objectives import (
    ELBO,
    balanced_targets,
    reparameterize,
    self_training_loss,
    vade_elbo,
    vade_kl,
)
from latentclust.modules.schedules import kl_weight


class VaDE(VariationalModel, StartedModel):
    """VaDE (Jiang et al. 2017): a VAE whose prior is a mixture of K Gaussians, one for each cluster.

    Parameters
    ----------
    input_shape
        Shape of an image, ``(C, H, W)``.
    widths
        Units of the encoder's hidden layers; the decoder mirrors them.
    latent_dim
        Dimensions D of the code.
    n_clusters
        Components K of the prior.
    channels, decoder
        Of the encoder's convolutions, and what mirrors them: see
        :class:`~latentclust.modules.networks.Encoder` and
        :func:`~latentclust.modules.decoders.build_decoder`.
    likelihood
        p(x|z), a key of :data:`~latentclust.modules.likelihoods.LIKELIHOODS`.
    gamma
        Responsibilities in the loss, ``sample`` or ``exact``; see
        :func:`~latentclust.modules.objectives.vade_kl`.
    n_samples
        Monte Carlo samples L per image.
    log_var_init
        Log-variance that every posterior starts with, ``"mean"`` for a copy of the pretrained mean head, or
        None for a random head.
    hold_epochs
        For this many epochs after each fit of the mixture, q(c|x) is that fit's partition.
    refit_at
        The epochs at whose start the mixture is fitted again to the codes.
    kl_weight, kl_epochs
        Weight of both KL terms in those of these epochs that follow the first fit, and how many of them at
        the end it takes to 1; after a later fit it stays 1. See
        :func:`latentclust.modules.schedules.kl_weight`.
    self_training_weight, self_training_temperature
        Of the self-training term; see :func:`~latentclust.modules.objectives.self_training_loss`.
    learning_rate, prior_learning_rate
        Of the networks and of the mixture's parameters.
    schedule, step_every, step_factor
        See :class:`~latentclust.models.base.LatentModel`.
    """

    tolerance = 0.0
    recordable = True

    def __init__(
        self,
        input_shape: Sequence[int],
        widths: Sequence[int],
        latent_dim: int,
        n_clusters: int,
        channels: Sequence[int] | None = None,
        decoder: str = "perceptron",
        likelihood: str = "bernoulli",
        gamma: str = "sample",
        n_samples: int = 1,
        log_var_init: float | Literal["mean"] | None = None,
        hold_epochs: int = 0,
        refit_at: Sequence[int] | None = None,
        kl_weight: float = 1.0,
        kl_epochs: int = 0,
        self_training_weight: float = 0.0,
        self_training_temperature: float = 5.0,
        learning_rate: float = 2e-3,
        prior_learning_rate: float = 2e-3,
        schedule: str = "step",
        step_every: int = 10,
        step_factor: float = 0.95,
    ) -> None:
        super().__init__(learning_rate, schedule, step_every, step_factor)
        self.save_hyperparameters(logger=False)
        self.encoder = GaussianEncoder(input_shape, widths, latent_dim, log_var_init, channels or ())
        self.likelihood = likelihood_of(likelihood, input_shape)
        self.decoder = build_decoder(
            decoder, latent_dim, widths, self.likelihood.output_shape(input_shape), channels
        )
        self.n_clusters = n_clusters
        self.prior = GaussianMixturePrior(n_clusters, latent_dim)
        self.gamma = gamma
        self.n_samples = n_samples
        self.hold_epochs = hold_epochs
        self.refit_at = list(refit_at or ())
        self.kl_weight = kl_weight
        self.kl_epochs = kl_epochs
        self.self_training_weight = self_training_weight
        self.self_training_temperature = self_training_temperature
        self.prior_learning_rate = prior_learning_rate

    def start_from(self, autoencoder: AE) -> None:
        """Take over a pretrained autoencoder's weights; ``log_var_init`` says what the log-variance head is.

        Raises
        ------
        LatentclustError
            If its layers have other sizes.
        """
        self.encoder.load_encoder(autoencoder.encoder)
        self.decoder.load_decoder(autoencoder.decoder)

    def set_mixture(self, parameters: MixtureParameters) -> None:
        """Put the prior where a mixture was fitted to the codes."""
        self.prior.set_parameters(parameters)
        self.mixture_is_fitted.fill_(True)

    def mixture_parameters(self) -> MixtureParameters:
        """Copy the prior out."""
        return self.prior.mixture_parameters()

    def mixture_state(self) -> list[Tensor]:
        """Return the tensors that :meth:`set_mixture` sets."""
        return [*self.prior.parameters(), self.mixture_is_fitted]

    def change_axes(self, axes: Tensor) -> None:
        """Have codes ``axes @ z`` instead of z, without a change to what is encoded and decoded.

        The log-variance head stays as it is: a diagonal posterior has no counterpart in other axes.

        Parameters
        ----------
        axes
            ``(D, D)``, invertible.
        """
        axes = axes.to(self.prior.means)
        self.encoder.change_axes(axes)
        self.decoder.change_axes(axes)

    @property
    def holds_partition(self) -> bool:
        """Whether q(c|x) is the last fit's partition in this epoch."""
        fitted = max(epoch for epoch in (0, *self.refit_at) if epoch <= self.current_epoch)
        return self.current_epoch - fitted < self.hold_epochs

    @property
    def self_trains(self) -> bool:
        """Whether the model's own assignments become targets, where no partition is held."""
        return self.self_training_weight > 0

    def cluster_logits(self, x: Inputs) -> Tensor:
        """Compute log p(z, c) at the posteriors' means, ``(B, K)``."""
        return self.prior.log_joint(self.encode(x))

    def epoch_targets(self, logits: Tensor) -> Tensor:
        """Sharpen and balance the assignments of the whole pool, ``(N, K)``."""
        return balanced_targets(logits, self.self_training_temperature)

    def training_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        """Return the objective's terms at this point of the schedules."""
        epoch = self.current_epoch + batch_idx / max(1, int(self.trainer.num_training_batches))
        weight = kl_weight(epoch, self.kl_weight, self.hold_epochs, self.kl_epochs)
        return self.objective(batch.x, batch.target, hold=self.holds_partition, weight=weight)

    def objective(
        self, x: Tensor, targets: Tensor | None = None, *, hold: bool = False, weight: float = 1.0
    ) -> dict[str, Tensor]:
        """Compute the loss, the evidence lower bound and its terms, in nats per image.

        ``elbo``, ``kl_z`` and ``kl_c`` are always those of the q(c|x) that maximizes the bound (gamma
        ``exact``) and without a weight, so that epochs, runs and inputs that are not trained on can be
        compared. Where the loss has another q(c|x), held or sampled, its own KL terms are ``trained_kl_z``
        and ``trained_kl_c``.

        Parameters
        ----------
        x
            ``(B, C, H, W)``.
        targets
            The inputs' clusters ``(B, K)``: for the self-training term, if that has a weight.
        hold
            Take the targets as q(c|x).
        weight
            Of both KL terms in the loss.
        """
        mu, log_var = self.posterior(x)
        z = reparameterize(mu, log_var, self.n_samples)
        gamma = targets if hold and targets is not None else self.gamma
        trained = vade_elbo(x, self.decoder(z), mu, log_var, z, self.prior, self.likelihood, gamma)
        exact = isinstance(gamma, str) and gamma == "exact"
        bound = trained if exact else self.tightest(trained.reconstruction, mu, log_var, z)
        terms = {
            "elbo": bound.elbo.mean(),
            "reconstruction": trained.reconstruction.mean(),
            "kl_z": bound.kl_z.mean(),
            "kl_c": bound.kl_c.mean(),
        }
        kl_z, kl_c = terms["kl_z"], terms["kl_c"]
        if not exact:
            terms["trained_kl_z"] = kl_z = trained.kl_z.mean()
            terms["trained_kl_c"] = kl_c = trained.kl_c.mean()
        loss = terms["reconstruction"] + weight * (kl_z + kl_c)
        if targets is not None and self.self_training_weight:
            cross_entropy = self_training_loss(
                self.prior.log_joint(mu), targets, self.self_training_temperature
            )
            terms["self_training"] = cross_entropy.mean()
            loss = loss + self.self_training_weight * terms["self_training"]
        return {"loss": loss, **terms}

    @torch.no_grad()
    def tightest(self, reconstruction: Tensor, mu: Tensor, log_var: Tensor, z: Tensor) -> ELBO:
        """Compute the bound with the q(c|x) that maximizes it; arguments as for ``vade_kl``."""
        return ELBO(reconstruction, *vade_kl(mu, log_var, z, self.prior, "exact"))

    def bound(self, x: Tensor, z: Tensor, mu: Tensor, log_var: Tensor) -> ELBO:
        """Compute the evidence lower bound of each input, with the q(c|x) that maximizes it."""
        return vade_elbo(x, self.decoder(z), mu, log_var, z, self.prior, self.likelihood, "exact")

    def measured_terms(self, x: Tensor) -> dict[str, Tensor]:
        """Compute the bound and its terms: the loss of inputs that are not trained on is none."""
        terms = self.objective(x)
        return {name: terms[name] for name in ("elbo", "reconstruction", "kl_z", "kl_c")}

    def parameter_groups(self) -> Iterator[dict[str, Any]]:
        """Yield the networks and the mixture, each with its learning rate."""
        networks = [*self.encoder.parameters(), *self.decoder.parameters()]
        yield {"name": "networks", "params": networks, "lr": self.learning_rate}
        yield {"name": "mixture", "params": list(self.prior.parameters()), "lr": self.prior_learning_rate}

    def responsibilities(self, z: Tensor) -> Tensor:
        """Compute the prior's p(c|z): codes ``(B, D)``, here the posteriors' means, to ``(B, K)``."""
        return self.prior.responsibilities(z)

    def sample_codes(
        self, n: int, cluster: int | None = None, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Draw codes from the prior; see :meth:`latentclust.modules.mixture.GaussianMixturePrior.sample`."""
        return self.prior.sample(n, cluster, generator)

    @torch.no_grad()
    def sample(self, n: int, cluster: int | None = None, generator: torch.Generator | None = None) -> Tensor:
        """Generate ``n`` images ``(n, C, H, W)`` in [0, 1], from one cluster or from the whole mixture.

        Raises
        ------
        LatentclustError
            If there is no such cluster, or ``n`` is not a whole number of at least 1.
        """
        return self.decode(self.sample_codes(n, cluster, generator)[0])
