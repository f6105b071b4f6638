import pytest
import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal

from latentclust.modules.mixture import GaussianMixturePrior, MixtureParameters
from latentclust.modules.objectives import reparameterize

L, B, K, D, SHAPE = 3, 5, 4, 2, (1, 2, 3)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def random_prior(seed: int = 0, n_clusters: int = K) -> GaussianMixturePrior:
    prior = GaussianMixturePrior(n_clusters, D).double()
    weights = normal(n_clusters, seed=seed).softmax(dim=0)
    means, variances = 2 * normal(n_clusters, D, seed=seed + 1), normal(n_clusters, D, seed=seed + 2).exp()
    prior.set_parameters(MixtureParameters(weights, means, variances))
    return prior


def posterior(mu: Tensor, log_var: Tensor) -> Distribution:
    return Independent(Normal(mu, (0.5 * log_var).exp()), 1)


def component(prior: GaussianMixturePrior, c: int) -> Distribution:
    _, means, variances = prior.mixture_parameters()
    return Independent(Normal(means[c], variances[c].sqrt()), 1)


@pytest.fixture
def x() -> Tensor:
    return normal(B, *SHAPE, seed=10).sigmoid()


@pytest.fixture
def logits() -> Tensor:
    return 3 * normal(L, B, *SHAPE, seed=11)


@pytest.fixture
def mu() -> Tensor:
    return normal(B, D, seed=12)


@pytest.fixture
def log_var() -> Tensor:
    return normal(B, D, seed=13) - 1


@pytest.fixture
def z(mu: Tensor, log_var: Tensor) -> Tensor:
    return reparameterize(mu, log_var, L, generator=torch.Generator().manual_seed(14))
