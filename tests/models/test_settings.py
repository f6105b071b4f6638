"""What a model is told reaches its objective."""

import pytest
import torch
from torch.distributions import Normal, kl_divergence
from torch.nn.functional import binary_cross_entropy_with_logits

from latentclust.models import VAE, VaDE
from tests.models.test_models import D, K, build


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(7, 1, 6, 6, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("beta", [1.0, 0.1, 4.0])
def test_beta_weighs_the_vaes_divergence_in_the_loss(images: torch.Tensor, beta: float) -> None:
    model = build(VAE, beta=beta)
    assert isinstance(model, VAE)
    mu, log_var = model.posterior(images)
    divergence = kl_divergence(Normal(mu, (0.5 * log_var).exp()), Normal(0.0, 1.0)).sum(dim=1).mean()
    terms = model.objective(images)
    expected = terms["reconstruction"] + beta * divergence
    assert terms["loss"].item() == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize("kind", [VAE, VaDE])
@pytest.mark.parametrize("n_samples", [1, 3])
def test_the_reconstruction_is_the_mean_over_all_samples(
    images: torch.Tensor, kind: type[VAE] | type[VaDE], n_samples: int
) -> None:
    model = build(kind, n_samples=n_samples)
    assert isinstance(model, VAE | VaDE)
    mu, log_var = model.posterior(images)
    torch.manual_seed(2)
    noise = torch.randn(n_samples, len(images), D)
    errors = [
        binary_cross_entropy_with_logits(
            model.decoder(mu + (0.5 * log_var).exp() * one), images, reduction="sum"
        )
        for one in noise
    ]
    torch.manual_seed(2)
    found = model.objective(images)["reconstruction"]
    assert found.item() == pytest.approx(sum(e.item() for e in errors) / n_samples / len(images), rel=1e-5)


def test_gamma_is_what_the_model_was_told(images: torch.Tensor) -> None:
    terms = {}
    for gamma in ("sample", "exact"):
        model = build(VaDE, gamma=gamma)
        assert isinstance(model, VaDE)
        model.prior.means.data.mul_(20)  # components that lie apart
        torch.manual_seed(2)
        terms[gamma] = model.objective(images)
        mu, log_var = model.posterior(images)
        if gamma == "exact":
            # -log sum_c pi_c exp(-KL_c), the least that the two terms can be together.
            least = -torch.logsumexp(model.prior.log_pi - model.prior.component_kl(mu, log_var), dim=1)
            together = terms[gamma]["kl_z"] + terms[gamma]["kl_c"]
            assert together.item() == pytest.approx(least.mean().item(), rel=1e-5)
    assert len(model.prior.logits) == K
    assert terms["sample"]["loss"] > terms["exact"]["loss"]
