"""Likelihoods p(x|z): what compares an input with what the decoder says of it.

Pure functions of the decoder's output. Shapes: B inputs of shape S, L Monte Carlo samples; the output is
``(B, *O)`` or ``(L, B, *O)`` with O = ``output_shape(S)``. A value of x that is NaN is missing and left out.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from math import log, pi

import torch.nn.functional as F
from torch import Tensor

from latentclust.errors import LatentclustError
from latentclust.modules.networks import at_least_float32

# Bounds of a Gaussian's log-variance: without the lower one, a feature that can be rebuilt exactly would make
# the likelihood grow without end. Standardized features have variance 1; exp(-6) is a deviation of 0.05.
LOG_VAR_MIN, LOG_VAR_MAX = -6.0, 3.0


class Likelihood(ABC):
    """A distribution of the inputs given the decoder's output.

    Parameters
    ----------
    kind
        ``image`` or ``vector``: images lie in [0, 1] and have no missing values.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def output_shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        """Return the shape of the decoder's output for an input of this shape."""
        return tuple(shape)

    @abstractmethod
    def mean(self, output: Tensor) -> Tensor:
        """Return the expected input ``(..., *S)``."""

    @abstractmethod
    def losses(self, output: Tensor, x: Tensor) -> Tensor:
        """Compute the loss of each value, ``(..., B, *S)``."""

    def nll(self, output: Tensor, x: Tensor) -> Tensor:
        """-log p(x|z) up to a constant, summed over an input's values, ``(B,)`` or ``(L, B)``."""
        dims = list(range(1 - x.ndim, 0))
        output = at_least_float32(output)
        if self.kind == "image":
            return self.losses(output, x).sum(dim=dims)
        missing = x.isnan()
        losses = self.losses(output, x.nan_to_num())
        return losses.masked_fill(missing, 0.0).sum(dim=dims)


class Bernoulli(Likelihood):
    """Values in [0, 1] as chances: their cross-entropy."""

    def mean(self, output: Tensor) -> Tensor:
        """Return the chances."""
        return output.float().sigmoid()

    def losses(self, output: Tensor, x: Tensor) -> Tensor:
        """Compute -x log p - (1 - x) log(1 - p)."""
        return F.binary_cross_entropy_with_logits(output, x.expand_as(output), reduction="none")


class SquaredError(Likelihood):
    """Gaussian values with variance 1/2, up to a constant: the squared distance from the mean."""

    def mean(self, output: Tensor) -> Tensor:
        """Return the mean; of images it lies in [0, 1]."""
        return output.float().sigmoid() if self.kind == "image" else output.float()

    def losses(self, output: Tensor, x: Tensor) -> Tensor:
        """Compute (x - mean)^2."""
        mean = output.sigmoid() if self.kind == "image" else output
        return (mean - x).square()


class Gaussian(Likelihood):
    """Gaussian values whose mean and variance the decoder learns; the log-variance lies in [-6, 3]."""

    def output_shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        """Return ``(2, *S)``: means, then log-variances."""
        return (2, *shape)

    def parameters_of(self, output: Tensor) -> tuple[Tensor, Tensor]:
        """Part the output in means and log-variances, each ``(..., *S)``."""
        mean, log_var = output.unbind(dim=-4 if self.kind == "image" else -2)
        # A clamp has no gradient beyond its ends, where a log-variance could get stuck.
        middle, half = (LOG_VAR_MAX + LOG_VAR_MIN) / 2, (LOG_VAR_MAX - LOG_VAR_MIN) / 2
        log_var = middle + half * ((log_var - middle) / half).tanh()
        return (mean.sigmoid() if self.kind == "image" else mean), log_var

    def mean(self, output: Tensor) -> Tensor:
        """Return the mean."""
        return self.parameters_of(output.float())[0]

    def losses(self, output: Tensor, x: Tensor) -> Tensor:
        """Compute ((x - mean)^2 / variance + log variance + log 2 pi) / 2."""
        mean, log_var = self.parameters_of(output)
        return 0.5 * ((x - mean).square() * (-log_var).exp() + log_var + log(2 * pi))


LIKELIHOODS: dict[str, type[Likelihood]] = {
    "bernoulli": Bernoulli,
    "squared_error": SquaredError,
    "gaussian": Gaussian,
}


def likelihood_of(name: str, input_shape: Sequence[int]) -> Likelihood:
    """Return a likelihood for inputs of this shape, ``(C, H, W)`` or ``(P,)``.

    Raises
    ------
    LatentclustError
        If there is none of that name.
    """
    if name not in LIKELIHOODS:
        raise LatentclustError(f"model.likelihood is {name!r}: choose one of {', '.join(LIKELIHOODS)}")
    return LIKELIHOODS[name]("vector" if len(input_shape) == 1 else "image")
