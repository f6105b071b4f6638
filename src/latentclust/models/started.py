"""What models share that start from a mixture which was fitted to their codes."""

import torch
from torch import Tensor

from latentclust.models.base import LatentModel
from latentclust.models.inputs import Inputs, as_inputs


class StartedModel(LatentModel):
    """A latent model whose clusters start where a mixture was fitted; parameters as for `LatentModel`."""

    mixture_is_fitted: Tensor
    """Saved with the weights, so that a continued run does not fit its mixture again."""

    def __init__(self, learning_rate: float, schedule: str, step_every: int, step_factor: float) -> None:
        super().__init__(learning_rate, schedule, step_every, step_factor)
        self.register_buffer("mixture_is_fitted", torch.tensor(False))

    def has_mixture(self) -> bool:
        """Whether a mixture was fitted to the codes."""
        return bool(self.mixture_is_fitted)

    @torch.no_grad()
    def features(self, x: Inputs) -> Tensor:
        """Compute what the encoder sees in inputs before it squeezes them into codes, ``(B, F)``."""
        return self.encoder.features(as_inputs(x, self.encoder.input_shape, self.encoder.mean.weight))
