"""The prior of VaDE: a mixture of K diagonal Gaussians over D latent dimensions.

Everything is computed in log space and elementwise. A matrix product would be shorter, but autocast turns
those into half precision.
"""

from math import log, pi
from numbers import Integral
from typing import NamedTuple

import torch
from torch import Tensor, nn

from latentclust.errors import LatentclustError

# Standard deviations between exp(-6) = 0.0025 and exp(6) = 403: far outside what codes need, and
# variances, their inverses and their gradients stay well inside float32.
LOG_VAR_MIN, LOG_VAR_MAX = -12.0, 12.0

# Means that start at one point would get one gradient and never part.
INITIAL_MEAN_SCALE = 0.1


class MixtureParameters(NamedTuple):
    """A diagonal Gaussian mixture in plain numbers: no logs, no gradients."""

    weights: Tensor
    """``(K,)``, positive, sum 1."""
    means: Tensor
    """``(K, D)``."""
    variances: Tensor
    """``(K, D)``, positive."""


class GaussianMixturePrior(nn.Module):
    """p(z, c) = pi_c N(z; mu_c, diag var_c) with learned pi, mu_c and var_c: VaDE's (Jiang et al. 2017).

    It starts with equal weights, unit variances and means drawn from N(0, 0.1^2). Usually
    :meth:`set_parameters` then puts it where a mixture was fitted to the codes.

    Parameters
    ----------
    n_clusters
        Components K.
    latent_dim
        Dimensions D of the code.

    Raises
    ------
    LatentclustError
        If either is below 1.
    """

    def __init__(self, n_clusters: int, latent_dim: int) -> None:
        super().__init__()
        if n_clusters < 1:
            raise LatentclustError(f"n_clusters is {n_clusters}: a mixture needs at least 1 cluster")
        if latent_dim < 1:
            raise LatentclustError(f"model.latent_dim is {latent_dim}: a code needs at least 1 dimension")
        self.logits = nn.Parameter(torch.zeros(n_clusters))
        self.means = nn.Parameter(INITIAL_MEAN_SCALE * torch.randn(n_clusters, latent_dim))
        self.log_vars = nn.Parameter(torch.zeros(n_clusters, latent_dim))

    @property
    def log_pi(self) -> Tensor:
        """Log weights ``(K,)``; the softmax keeps pi on the simplex whatever the optimizer does."""
        return self.logits.log_softmax(dim=-1)

    @property
    def bounded_log_vars(self) -> Tensor:
        """Log-variances ``(K, D)`` as they are used, within [-12, 12].

        The gradient passes as if there were no bound. That of a clamp is 0 from the bound on, so a
        variance that once got there would never come back.
        """
        excess = self.log_vars - self.log_vars.clamp(LOG_VAR_MIN, LOG_VAR_MAX)
        return self.log_vars - excess.detach()

    def component_log_prob(self, z: Tensor) -> Tensor:
        """Compute log N(z; mu_c, var_c) for each component: ``(..., D)`` to ``(..., K)``."""
        return self._log_normal((z.unsqueeze(-2) - self.means).square())

    def log_joint(self, z: Tensor) -> Tensor:
        """Compute log p(z, c) = log pi_c + log N(z; mu_c, var_c): ``(..., D)`` to ``(..., K)``."""
        return self.log_pi + self.component_log_prob(z)

    def log_responsibilities(self, z: Tensor) -> Tensor:
        """Compute log p(c|z): ``(..., D)`` to ``(..., K)``; finite however far z lies from all of them."""
        return self.log_joint(z).log_softmax(dim=-1)

    def responsibilities(self, z: Tensor) -> Tensor:
        """Compute p(c|z) by Bayes' rule: ``(..., D)`` to ``(..., K)``, with sum 1 over K."""
        return self.log_joint(z).softmax(dim=-1)

    def component_kl(self, mu: Tensor, log_var: Tensor) -> Tensor:
        """Compute KL(N(mu, diag exp(log_var)) || N(mu_c, diag var_c)) for each component.

        1/2 sum_d [log var_cd - log var_d + ((mu_d - mu_cd)^2 + var_d) / var_cd - 1], ``(..., D)`` to
        ``(..., K)``.
        """
        log_ratio = log_var.unsqueeze(-2) - self.bounded_log_vars
        distance = (mu.unsqueeze(-2) - self.means).square() * (-self.bounded_log_vars).exp()
        return 0.5 * (distance + log_ratio.expm1() - log_ratio).sum(dim=-1)

    @torch.no_grad()
    def sample(
        self, n: int, cluster: int | None = None, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Draw codes from the mixture, or from one of its components.

        Parameters
        ----------
        n
            How many.
        cluster
            The component to draw from; ``None`` draws it from pi for each code.
        generator
            Source of randomness, on the parameters' device.

        Returns
        -------
        tuple[Tensor, Tensor]
            Codes ``(n, D)`` and the components they came from ``(n,)``, int64.

        Raises
        ------
        LatentclustError
            If there is no such cluster, or ``n`` is no number of codes.
        """
        require_drawable(n)
        n_clusters, device = len(self.logits), self.logits.device
        if cluster is None:
            clusters = torch.multinomial(self.log_pi.exp(), n, replacement=True, generator=generator)
        elif 0 <= cluster < n_clusters:
            clusters = torch.full((n,), cluster, device=device)
        else:
            raise LatentclustError(f"there is no cluster {cluster}: choose one from 0 to {n_clusters - 1}")
        means, log_vars = self.means[clusters], self.bounded_log_vars[clusters]
        noise = torch.randn(means.shape, generator=generator, device=device, dtype=means.dtype)
        return means + (0.5 * log_vars).exp() * noise, clusters

    @torch.no_grad()
    def set_parameters(self, parameters: MixtureParameters) -> None:
        """Become the given mixture; log-variances are brought within [-12, 12].

        Raises
        ------
        ValueError
            If a shape differs, a number is not finite, or a weight or variance is not positive.
        """
        own_parameters = (self.logits, self.means, self.log_vars)
        for name, value, own in zip(parameters._fields, parameters, own_parameters, strict=True):
            if value.shape != own.shape:
                raise ValueError(f"{name} have shape {tuple(value.shape)}, expected {tuple(own.shape)}")
            if not value.isfinite().all():
                raise ValueError(f"{name} must be finite")
            if name != "means" and not (value > 0).all():
                raise ValueError(f"{name} must be positive")
        weights, means, variances = parameters
        self.logits.copy_(weights.log())
        self.means.copy_(means)
        self.log_vars.copy_(variances.log().clamp(LOG_VAR_MIN, LOG_VAR_MAX))

    @torch.no_grad()
    def mixture_parameters(self) -> MixtureParameters:
        """Copy the mixture out as plain weights, means and variances."""
        return MixtureParameters(self.log_pi.exp(), self.means.clone(), self.bounded_log_vars.exp())

    def _log_normal(self, squared: Tensor) -> Tensor:
        """Sum log N over D, given (the expectation of) the squared distances ``(..., K, D)`` to the means."""
        log_vars = self.bounded_log_vars
        return -0.5 * (log(2 * pi) + log_vars + squared * (-log_vars).exp()).sum(dim=-1)


def require_drawable(n: int) -> None:
    """Refuse what is no number of inputs to draw.

    Raises
    ------
    LatentclustError
        If it is not a whole number of at least 1.
    """
    if not isinstance(n, Integral) or n < 1:
        raise LatentclustError(f"{n} inputs cannot be drawn: give a whole number, at least 1")
