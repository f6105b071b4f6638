"""The autoencoder."""

from collections.abc import Sequence
from math import prod
from typing import ClassVar

from torch import Tensor

from latentclust.models.base import LatentModel, ObjectiveMetric
from latentclust.models.inputs import Inputs, as_inputs
from latentclust.modules.decoders import build_decoder
from latentclust.modules.likelihoods import likelihood_of
from latentclust.modules.networks import Encoder
from latentclust.modules.objectives import expected_nll


class AE(LatentModel):
    """Autoencoder: a code of few dimensions from which the input can be rebuilt.

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
        A key of :data:`~latentclust.modules.likelihoods.LIKELIHOODS`; its loss is averaged over an input's
        values.
    learning_rate, schedule, step_every, step_factor
        See :class:`~latentclust.models.base.LatentModel`.
    """

    objective_term: ClassVar[ObjectiveMetric] = ObjectiveMetric("reconstruction", "min")
    recordable = True

    def __init__(
        self,
        input_shape: Sequence[int],
        widths: Sequence[int],
        latent_dim: int,
        channels: Sequence[int] | None = None,
        decoder: str = "perceptron",
        likelihood: str = "squared_error",
        learning_rate: float = 1e-3,
        schedule: str = "constant",
        step_every: int = 10,
        step_factor: float = 0.95,
    ) -> None:
        super().__init__(learning_rate, schedule, step_every, step_factor)
        self.save_hyperparameters(logger=False)
        self.encoder = Encoder(input_shape, widths, latent_dim, channels or ())
        self.likelihood = likelihood_of(likelihood, input_shape)
        self.decoder = build_decoder(
            decoder, latent_dim, widths, self.likelihood.output_shape(input_shape), channels
        )
        self.n_values = prod(input_shape)

    def objective(self, x: Tensor) -> dict[str, Tensor]:
        """Compute the reconstruction error per value, as per pixel of an image."""
        error = expected_nll(x, self.decoder(self.encoder(x)), self.likelihood).mean() / self.n_values
        return {"loss": error, "reconstruction": error}

    def encode(self, x: Inputs) -> Tensor:
        """Encode inputs as codes ``(B, D)``."""
        codes: Tensor = self.encoder(as_inputs(x, self.encoder.input_shape, self.encoder.mean.weight))
        return codes
