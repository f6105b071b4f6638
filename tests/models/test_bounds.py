"""What a model says of each input, against torch.distributions and against the means over a batch."""

import numpy as np
import pytest
import torch
from torch.distributions import Bernoulli, Categorical, Independent, MixtureSameFamily, Normal, kl_divergence

from latentclust.models import AE, DEC, IDEC, VAE, LatentModel, PoolBounds, VaDE
from latentclust.modules.mixture import MixtureParameters
from latentclust.training.inference import described

SHAPE, WIDTHS, D, K = [1, 6, 6], [20, 12], 3, 4


def build(kind: type[LatentModel], **options: object) -> LatentModel:
    torch.manual_seed(0)
    arguments = {"input_shape": SHAPE, "widths": WIDTHS, "latent_dim": D, **options}
    if kind in (VaDE, DEC, IDEC):
        arguments["n_clusters"] = K
    model = kind(**arguments).eval()  # type: ignore[arg-type]
    mixture = MixtureParameters(torch.softmax(torch.randn(K), 0), torch.randn(K, D), torch.rand(K, D) + 0.5)
    model.set_mixture(mixture) if hasattr(model, "set_mixture") else model.code_mixture.set_parameters(
        mixture
    )
    return model


@pytest.fixture
def images() -> torch.Tensor:
    return torch.randint(256, (7, *SHAPE), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)


def test_the_bound_of_a_vae_is_its_log_likelihood_less_the_divergence(images: torch.Tensor) -> None:
    model = build(VAE, beta=3.0).double()
    x = images.double() / 255
    mu, log_var = model.posterior(x)  # type: ignore[operator]
    # Bernoulli's log_prob takes numbers between 0 and 1 as its formula does.
    pixels = Independent(Bernoulli(logits=model.decoder(mu), validate_args=False), 3).log_prob(x)
    divergence = kl_divergence(Normal(mu, (log_var / 2).exp()), Normal(torch.zeros(D), torch.ones(D))).sum(1)
    torch.testing.assert_close(model.describe(x).bounds, pixels - divergence, check_dtype=False)


def test_the_bound_of_vade_is_the_best_over_all_cluster_probabilities(images: torch.Tensor) -> None:
    model = build(VaDE).double()
    assert isinstance(model, VaDE)
    x = images.double() / 255
    mu, log_var = model.posterior(x)
    pixels = Independent(Bernoulli(logits=model.decoder(mu), validate_args=False), 3).log_prob(x)
    mixture = model.prior.mixture_parameters()
    posterior = Normal(mu[:, None], (log_var[:, None] / 2).exp())
    kl = kl_divergence(posterior, Normal(mixture.means, mixture.variances.sqrt())).sum(-1)
    # max over q(c) of  -sum_c q_c (KL_c + log(q_c / pi_c))  is  log sum_c pi_c exp(-KL_c).
    best = (mixture.weights.log() - kl).logsumexp(dim=1)
    found = model.describe(x)
    torch.testing.assert_close(found.bounds, pixels + best)
    density = MixtureSameFamily(
        Categorical(mixture.weights), Independent(Normal(mixture.means, mixture.variances.sqrt()), 1)
    )
    joint = density.component_distribution.log_prob(mu[:, None]) + mixture.weights.log()
    torch.testing.assert_close(found.gamma, (joint - density.log_prob(mu)[:, None]).exp())


def test_the_bounds_mean_is_that_of_a_batch_whose_posterior_has_no_width(images: torch.Tensor) -> None:
    for kind in (VAE, VaDE):
        model = build(kind)
        torch.nn.init.constant_(model.encoder.log_var.weight, 0.0)
        torch.nn.init.constant_(model.encoder.log_var.bias, -20.0)  # a deviation of 5e-5: draws are the mean
        x = images.float() / 255
        expected = model.measured_terms(x)["elbo"]
        torch.testing.assert_close(model.describe(x).bounds.mean(), expected, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("kind", [AE, DEC, IDEC])
def test_the_bound_of_an_autoencoder_is_minus_its_error(
    kind: type[LatentModel], images: torch.Tensor
) -> None:
    model = build(kind)
    found = model.describe(images)
    x = images.float() / 255
    torch.testing.assert_close(found.bounds, -(model(x) - x).square().sum(dim=(1, 2, 3)))
    torch.testing.assert_close(found.codes, model.encode(x))
    assert torch.equal(found.gamma, model.predict_proba(x))
    assert model.bound_name == "minus_error"


def test_a_whole_set_is_described_as_its_chunks_are(images: torch.Tensor) -> None:
    model = build(VaDE)
    many = images.repeat(400, 1, 1, 1)
    found = described(model, many)
    once = model.describe(images)
    assert found.codes.shape == (2800, D)
    for part, expected in zip(found, once, strict=True):
        torch.testing.assert_close(part[-7:], expected, rtol=1e-5, atol=1e-5)


def test_new_inputs_are_judged_by_the_pool() -> None:
    judge = PoolBounds()
    assert judge.percentiles(np.array([1.0])) is None
    assert judge.unlike(np.array([1.0])) is None
    pool = torch.arange(1001.0).flip(0)
    judge.set_pool(pool)
    new = np.array([-5.0, 0.0, 9.0, 10.0, 500.0, 1000.0, 2000.0, np.nan])
    percentiles, unlike = judge.percentiles(new[:-1]), judge.unlike(new)
    np.testing.assert_allclose(percentiles, [0, 0, 0.9, 1, 50, 100, 100])
    assert unlike is not None
    assert unlike.tolist() == [True, True, True, False, False, False, False, True]
    again = PoolBounds()
    again.load_state_dict(judge.state_dict())
    assert again.quantiles is not None
    assert again.half().quantiles.dtype == torch.float64
    assert torch.equal(again.quantiles, judge.quantiles)
    again.load_state_dict({})
    assert again.quantiles is None
    judge.set_pool(torch.full((3,), float("nan")))
    assert judge.quantiles is None
