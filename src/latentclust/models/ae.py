"""The autoencoder."""

from collections.abc import Sequence
from math import prod
from typing import ClassVar

from torch import Tensor

from latentclust.models.base import LatentModel, ObjectiveMetric
from latentclust.models.inputs import Images, as_images
from latentclust.modules.networks import Decoder, Encoder
from latentclust.modules.objectives import expected_nll


class AE(LatentModel):
    """Autoencoder: a code of few dimensions from which the image can be rebuilt.

    Parameters
    ----------
    input_shape
        Shape of an image, ``(C, H, W)``.
    widths
        Units of the encoder's hidden layers; the decoder mirrors them.
    latent_dim
        Dimensions D of the code.
    channels
        Of the encoder's convolutions; see :class:`~latentclust.modules.networks.Encoder`.
    reconstruction
        ``squared_error`` or ``bernoulli``; either is averaged over pixels.
    learning_rate, schedule, step_every, step_factor
        See :class:`~latentclust.models.base.LatentModel`.
    """

    objective_term: ClassVar[ObjectiveMetric] = ObjectiveMetric("reconstruction", "min")

    def __init__(
        self,
        input_shape: Sequence[int],
        widths: Sequence[int],
        latent_dim: int,
        channels: Sequence[int] | None = None,
        reconstruction: str = "squared_error",
        learning_rate: float = 1e-3,
        schedule: str = "constant",
        step_every: int = 10,
        step_factor: float = 0.95,
    ) -> None:
        super().__init__(learning_rate, schedule, step_every, step_factor)
        self.save_hyperparameters(logger=False)
        self.encoder = Encoder(input_shape, widths, latent_dim, channels or ())
        self.decoder = Decoder(latent_dim, widths, input_shape)
        self.reconstruction = reconstruction
        self.n_pixels = prod(input_shape)

    def objective(self, x: Tensor) -> dict[str, Tensor]:
        """Compute the reconstruction error per pixel."""
        error = expected_nll(x, self.decoder(self.encoder(x)), self.reconstruction).mean() / self.n_pixels
        return {"loss": error, "reconstruction": error}

    def encode(self, x: Images) -> Tensor:
        """Encode images as codes ``(B, D)``."""
        codes: Tensor = self.encoder(as_images(x, self.encoder.input_shape, self.encoder.mean.weight))
        return codes
