"""The variational autoencoder."""

from collections.abc import Sequence

import torch
from torch import Tensor

from latentclust.models.base import VariationalModel
from latentclust.modules.decoders import build_decoder
from latentclust.modules.likelihoods import likelihood_of
from latentclust.modules.mixture import require_drawable
from latentclust.modules.networks import GaussianEncoder
from latentclust.modules.objectives import ELBO, reparameterize, vae_elbo


class VAE(VariationalModel):
    """Variational autoencoder (Kingma and Welling 2014) with q(z|x) a diagonal Gaussian and p(z) = N(0, I).

    Parameters
    ----------
    input_shape
        Shape of an image, ``(C, H, W)``.
    widths
        Units of the encoder's hidden layers; the decoder mirrors them.
    latent_dim
        Dimensions D of the code.
    channels, decoder
        Of the encoder's convolutions, and what mirrors them: see
        :class:`~latentclust.modules.networks.Encoder` and
        :func:`~latentclust.modules.decoders.build_decoder`.
    likelihood
        p(x|z), a key of :data:`~latentclust.modules.likelihoods.LIKELIHOODS`.
    beta
        Weight of the KL term in the loss; with 1 the loss is minus the evidence lower bound.
    n_samples
        Monte Carlo samples L per image.
    learning_rate, schedule, step_every, step_factor
        See :class:`~latentclust.models.base.LatentModel`.
    """

    standard_normal_codes = True
    recordable = True

    def __init__(
        self,
        input_shape: Sequence[int],
        widths: Sequence[int],
        latent_dim: int,
        channels: Sequence[int] | None = None,
        decoder: str = "perceptron",
        likelihood: str = "bernoulli",
        beta: float = 1.0,
        n_samples: int = 1,
        learning_rate: float = 1e-3,
        schedule: str = "constant",
        step_every: int = 10,
        step_factor: float = 0.95,
    ) -> None:
        super().__init__(learning_rate, schedule, step_every, step_factor)
        self.save_hyperparameters(logger=False)
        self.encoder = GaussianEncoder(input_shape, widths, latent_dim, channels=channels or ())
        self.likelihood = likelihood_of(likelihood, input_shape)
        self.decoder = build_decoder(
            decoder, latent_dim, widths, self.likelihood.output_shape(input_shape), channels
        )
        self.beta = beta
        self.n_samples = n_samples
        self.latent_dim = latent_dim

    def objective(self, x: Tensor) -> dict[str, Tensor]:
        """Compute the loss, the evidence lower bound and its terms, in nats per image.

        ``elbo`` and ``kl_z`` are without ``beta``, so that runs with another one can be compared.
        """
        mu, log_var = self.posterior(x)
        z = reparameterize(mu, log_var, self.n_samples)
        bound = self.bound(x, z, mu, log_var)
        return {
            "loss": (bound.reconstruction + self.beta * bound.kl_z).mean(),
            "elbo": bound.elbo.mean(),
            "reconstruction": bound.reconstruction.mean(),
            "kl_z": bound.kl_z.mean(),
        }

    def bound(self, x: Tensor, z: Tensor, mu: Tensor, log_var: Tensor) -> ELBO:
        """Compute the evidence lower bound of each input, without ``beta``."""
        return vae_elbo(x, self.decoder(z), mu, log_var, self.likelihood)

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Generate ``n`` images ``(n, C, H, W)`` in [0, 1] from codes of N(0, I).

        Raises
        ------
        LatentclustError
            If ``n`` is not a whole number of at least 1.
        """
        require_drawable(n)
        return self.decode(torch.randn(n, self.latent_dim, generator=generator, device=self.device))
