"""Reconstructions, the Gaussian KL and the VAE's bound, against torch.distributions."""

import pytest
import torch
from torch import Tensor
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence

from latentclust.modules.likelihoods import likelihood_of
from latentclust.modules.objectives import ELBO, gaussian_kl, reparameterize, vae_elbo

from .conftest import SHAPE, B, D, L, normal, posterior

BERNOULLI, SQUARED_ERROR = likelihood_of("bernoulli", SHAPE), likelihood_of("squared_error", SHAPE)
OF_IMAGES = {"bernoulli": BERNOULLI, "squared_error": SQUARED_ERROR}


def test_bernoulli_nll_is_minus_the_log_likelihood(logits: Tensor) -> None:
    x = (normal(B, *SHAPE) > 0).double()
    expected = -Bernoulli(logits=logits).log_prob(x).sum(dim=(-1, -2, -3))
    torch.testing.assert_close(BERNOULLI.nll(logits, x), expected)


def test_bernoulli_nll_of_gray_pixels_is_their_cross_entropy(logits: Tensor, x: Tensor) -> None:
    p = logits.sigmoid()
    expected = -(x * p.log() + (1 - x) * (1 - p).log()).flatten(2).sum(dim=-1)
    torch.testing.assert_close(BERNOULLI.nll(logits, x), expected)


def test_bernoulli_nll_of_a_sure_mistake_is_finite() -> None:
    nll = BERNOULLI.nll(torch.full((1, 1, 1, 1), -200.0), torch.ones(1, 1, 1, 1))
    torch.testing.assert_close(nll, torch.tensor([200.0]))


def test_squared_error_sums_over_pixels(logits: Tensor, x: Tensor) -> None:
    expected = torch.stack([((sample.sigmoid() - x) ** 2).flatten(1).sum(dim=1) for sample in logits])
    torch.testing.assert_close(SQUARED_ERROR.nll(logits, x), expected)


@pytest.mark.parametrize("name", OF_IMAGES)
def test_reconstructions_take_one_sample_or_several_and_flat_images(
    name: str, logits: Tensor, x: Tensor
) -> None:
    reconstruct = OF_IMAGES[name].nll
    assert reconstruct(logits, x).shape == (L, B)
    torch.testing.assert_close(reconstruct(logits[1], x), reconstruct(logits, x)[1])
    torch.testing.assert_close(reconstruct(logits.flatten(2), x.flatten(1)), reconstruct(logits, x))


@pytest.mark.parametrize("name", OF_IMAGES)
def test_reconstructions_of_half_precision_logits_are_summed_in_float32(name: str) -> None:
    logits = 3 * normal(2, 1, 28, 28).bfloat16()
    x = normal(2, 1, 28, 28, seed=1).sigmoid().float()
    actual = OF_IMAGES[name].nll(logits, x)
    assert actual.dtype == torch.float32
    torch.testing.assert_close(actual, OF_IMAGES[name].nll(logits.float(), x), rtol=0, atol=0)


def test_reparameterized_samples_have_the_posteriors_moments(mu: Tensor, log_var: Tensor) -> None:
    z = reparameterize(mu, log_var, 100_000, generator=torch.Generator().manual_seed(0))
    assert z.shape == (100_000, B, D)
    torch.testing.assert_close(z.mean(dim=0), mu, rtol=0, atol=0.02)
    torch.testing.assert_close(z.var(dim=0), log_var.exp(), rtol=0.03, atol=0)
    assert abs(torch.corrcoef(z[:, 0].T)[0, 1]) < 0.02
    assert abs(torch.corrcoef(z[:, :2, 0].T)[0, 1]) < 0.02


def test_reparameterization_passes_the_pathwise_gradient(mu: Tensor, log_var: Tensor) -> None:
    mu, log_var = mu.requires_grad_(), log_var.requires_grad_()
    z = reparameterize(mu, log_var, 1, generator=torch.Generator().manual_seed(0))
    z.sum().backward()
    torch.testing.assert_close(mu.grad, torch.ones_like(mu))
    torch.testing.assert_close(log_var.grad, 0.5 * (z[0] - mu).detach())


def test_gaussian_kl_is_that_of_torch_distributions(mu: Tensor, log_var: Tensor) -> None:
    standard = Independent(Normal(torch.zeros_like(mu), torch.ones_like(mu)), 1)
    torch.testing.assert_close(gaussian_kl(mu, log_var), kl_divergence(posterior(mu, log_var), standard))
    assert not gaussian_kl(torch.zeros(2, 3), torch.zeros(2, 3)).any()


def test_elbo_is_minus_the_sum_of_its_terms() -> None:
    terms = ELBO(torch.tensor([1.0, 10.0]), torch.tensor([2.0, 20.0]), torch.tensor([4.0, 40.0]))
    torch.testing.assert_close(terms.elbo, torch.tensor([-7.0, -70.0]))


def test_vae_elbo_terms(x: Tensor, logits: Tensor, mu: Tensor, log_var: Tensor) -> None:
    terms = vae_elbo(x, logits, mu, log_var, BERNOULLI)
    torch.testing.assert_close(terms.reconstruction, BERNOULLI.nll(logits, x).mean(dim=0))
    torch.testing.assert_close(terms.kl_z, gaussian_kl(mu, log_var))
    assert terms.kl_c.shape == (B,)
    assert not terms.kl_c.any()
    one = vae_elbo(x, logits[0], mu, log_var, SQUARED_ERROR)
    torch.testing.assert_close(one.reconstruction, SQUARED_ERROR.nll(logits[0], x))
