"""The two KL terms of VaDE against brute force over the components, Monte Carlo and each other."""

from math import log

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.distributions import Bernoulli, Categorical, Independent, Normal, kl_divergence

from latentclust.errors import LatentclustError
from latentclust.modules.likelihoods import likelihood_of
from latentclust.modules.mixture import GaussianMixturePrior, MixtureParameters
from latentclust.modules.objectives import (
    ELBO,
    reparameterize,
    vade_elbo,
    vade_kl,
    vae_elbo,
)

from .conftest import SHAPE, B, D, K, L, component, normal, posterior, random_prior

BERNOULLI, SQUARED_ERROR = likelihood_of("bernoulli", SHAPE), likelihood_of("squared_error", SHAPE)


def brute_force_gamma(
    prior: GaussianMixturePrior, mu: Tensor, log_var: Tensor, z: Tensor, kind: str
) -> Tensor:
    """q(c|x) image by image and component by component, with torch.distributions and no log-sum-exp."""
    weights = prior.mixture_parameters().weights
    gamma = torch.zeros(len(mu), K, dtype=torch.float64)
    for b in range(len(mu)):
        if kind == "sample":
            for z_l in z:
                densities = [component(prior, c).log_prob(z_l[b]).exp() for c in range(K)]
                joint = weights * torch.stack(densities)
                gamma[b] += joint / joint.sum() / len(z)
        else:
            q = posterior(mu[b], log_var[b])
            # E_q[log p(z, c)] = log pi_c - KL(q || p(z|c)) - H(q)
            expected = [-kl_divergence(q, component(prior, c)) - q.entropy() for c in range(K)]
            joint = weights * torch.stack(expected).exp()
            gamma[b] = joint / joint.sum()
    return gamma


def test_given_responsibilities_are_taken(mu: Tensor, log_var: Tensor, z: Tensor) -> None:
    prior = random_prior()
    sampled = vade_kl(mu, log_var, z, prior, "sample")
    responsibilities = prior.responsibilities(z).mean(dim=0)
    for taken, expected in zip(vade_kl(mu, log_var, z, prior, responsibilities), sampled, strict=True):
        torch.testing.assert_close(taken, expected)
    one_hot = torch.eye(len(prior.logits), dtype=mu.dtype)[responsibilities.argmax(dim=-1)]
    kl_z, kl_c = vade_kl(mu, log_var, z, prior, one_hot)
    torch.testing.assert_close(kl_z, (one_hot * prior.component_kl(mu, log_var)).sum(dim=-1))
    torch.testing.assert_close(kl_c, -prior.log_pi[responsibilities.argmax(dim=-1)])


@pytest.mark.parametrize("kind", ["sample", "exact"])
def test_vade_kl_is_the_brute_force_over_components(
    kind: str, mu: Tensor, log_var: Tensor, z: Tensor
) -> None:
    prior = random_prior()
    gamma = brute_force_gamma(prior, mu, log_var, z, kind)
    weights = prior.mixture_parameters().weights
    divergences = [kl_divergence(posterior(mu, log_var), component(prior, c).expand((B,))) for c in range(K)]
    kl_z, kl_c = vade_kl(mu, log_var, z, prior, kind)
    torch.testing.assert_close(kl_z, (gamma * torch.stack(divergences, dim=-1)).sum(dim=-1))
    torch.testing.assert_close(kl_c, kl_divergence(Categorical(gamma), Categorical(weights.expand(B, K))))


@pytest.mark.parametrize("kind", ["sample", "exact"])
def test_vade_elbo_is_its_monte_carlo_definition(kind: str, mu: Tensor, log_var: Tensor, x: Tensor) -> None:
    """E_q[log p(x, z, c) - log q(z, c|x)] over draws of (z, c) from q(z|x) gamma_c."""
    prior, weight = random_prior(), normal(D, 6, seed=20)

    def decode(z: Tensor) -> Tensor:
        return (z @ weight).reshape(*z.shape[:-1], *SHAPE)

    torch.manual_seed(0)
    n = 200_000
    z = reparameterize(mu[:1], log_var[:1], n)
    given_z = z[:L]
    gamma = brute_force_gamma(prior, mu[:1], log_var[:1], given_z, kind)[0]
    c = Categorical(gamma).sample((n,))
    weights, means, variances = prior.mixture_parameters()
    log_p = Independent(Bernoulli(logits=decode(z[:, 0]), validate_args=False), 3).log_prob(x[0])
    log_p = log_p + weights.log()[c] + Independent(Normal(means[c], variances[c].sqrt()), 1).log_prob(z[:, 0])
    log_q = posterior(mu[0], log_var[0]).log_prob(z[:, 0]) + gamma.log()[c]
    estimate, error = (log_p - log_q).mean(), (log_p - log_q).std() / n**0.5
    kl_z, kl_c = vade_kl(mu[:1], log_var[:1], given_z, prior, kind)
    reconstruction = BERNOULLI.nll(decode(z), x[:1]).mean(dim=0)
    assert abs(ELBO(reconstruction, kl_z, kl_c).elbo - estimate) < 4 * error
    assert error < 0.02


def test_vade_elbo_assembles_its_terms(
    x: Tensor, logits: Tensor, mu: Tensor, log_var: Tensor, z: Tensor
) -> None:
    prior = random_prior()
    for gamma in ("sample", "exact"):
        terms = vade_elbo(x, logits, mu, log_var, z, prior, SQUARED_ERROR, gamma)
        torch.testing.assert_close(terms.reconstruction, SQUARED_ERROR.nll(logits, x).mean(dim=0))
        torch.testing.assert_close(terms[1:], vade_kl(mu, log_var, z, prior, gamma))
    torch.testing.assert_close(
        vade_elbo(x, logits, mu, log_var, z, prior, BERNOULLI),
        vade_elbo(x, logits, mu, log_var, z, prior, BERNOULLI, "sample"),
    )


@pytest.mark.parametrize("gamma", ["sample", "exact"])
def test_one_standard_component_is_the_vae(
    gamma: str, x: Tensor, logits: Tensor, mu: Tensor, log_var: Tensor, z: Tensor
) -> None:
    prior = GaussianMixturePrior(1, D).double()
    prior.set_parameters(MixtureParameters(torch.ones(1), torch.zeros(1, D), torch.ones(1, D)))
    vade = vade_elbo(x, logits, mu, log_var, z, prior, BERNOULLI, gamma)
    torch.testing.assert_close(vade, vae_elbo(x, logits, mu, log_var, BERNOULLI))


def test_gammas_agree_as_the_posterior_narrows_to_a_point(mu: Tensor) -> None:
    torch.manual_seed(0)
    prior, log_var = random_prior(), torch.full_like(mu, -20)
    z = reparameterize(mu, log_var, L)
    sampled, exact = (vade_kl(mu, log_var, z, prior, gamma) for gamma in ("sample", "exact"))
    torch.testing.assert_close(sampled, exact, rtol=1e-3, atol=1e-3)
    wide = reparameterize(mu, torch.ones_like(mu), L)
    assert not torch.allclose(vade_kl(mu, torch.ones_like(mu), wide, prior, "sample")[1], exact[1], rtol=1e-2)


@given(seed=st.integers(0, 10_000), n_clusters=st.integers(1, 6), sharpness=st.floats(0.1, 10))
@settings(max_examples=60, deadline=None)
def test_no_gamma_beats_the_exact_one(seed: int, n_clusters: int, sharpness: float) -> None:
    prior = random_prior(seed, n_clusters)
    torch.manual_seed(seed)
    mu, log_var = normal(B, D, seed=seed + 5), normal(B, D, seed=seed + 6)
    z = reparameterize(mu, log_var, 1)
    kl_z, kl_c = vade_kl(mu, log_var, z, prior, "exact")
    best = kl_z + kl_c
    rival = (sharpness * normal(B, n_clusters, seed=seed + 7)).softmax(dim=-1)
    corners = torch.eye(n_clusters, dtype=torch.float64).unsqueeze(1).expand(-1, B, -1)
    near = 0.99 * (prior.log_pi - prior.component_kl(mu, log_var)).softmax(dim=-1) + 0.01 * rival
    for gamma in (rival, near, *corners):
        divergence = (gamma * prior.component_kl(mu, log_var)).sum(dim=-1)
        divergence = divergence + (torch.xlogy(gamma, gamma) - gamma * prior.log_pi).sum(dim=-1)
        assert (best <= divergence + 1e-9).all()
    assert (best <= sum(vade_kl(mu, log_var, z, prior, "sample")) + 1e-9).all()


@given(seed=st.integers(0, 10_000), scale=st.floats(0, 30), gamma=st.sampled_from(["sample", "exact"]))
@settings(max_examples=60, deadline=None)
def test_both_divergences_are_at_least_zero(seed: int, scale: float, gamma: str) -> None:
    torch.manual_seed(seed)
    mu, log_var = scale * normal(B, D, seed=seed + 5), normal(B, D, seed=seed + 6)
    z = reparameterize(mu, log_var, 2)
    kl_z, kl_c = vade_kl(mu, log_var, z, random_prior(seed), gamma)
    assert (kl_z >= 0).all()
    assert (kl_c >= -1e-12).all()


@pytest.mark.parametrize("gamma", ["sample", "exact"])
def test_nothing_underflows_fifty_deviations_away(gamma: str) -> None:
    prior = GaussianMixturePrior(2, 2)
    prior.set_parameters(
        MixtureParameters(
            torch.tensor([0.75, 0.25]), torch.tensor([[0.0, 0.0], [1.0, 0.0]]), torch.ones(2, 2)
        )
    )
    mu = torch.tensor([[0.5, 50.0], [50.0, 0.0]], requires_grad=True)
    log_var = torch.full((2, 2), -20.0, requires_grad=True)
    kl_z, kl_c = vade_kl(mu, log_var, mu.unsqueeze(0), prior, gamma)
    # The first image is as far from one component as from the other and leaves c as it was; the second
    # is sure of the component with weight 1/4.
    torch.testing.assert_close(kl_c, torch.tensor([0.0, log(4)]), rtol=0, atol=1e-3)
    torch.testing.assert_close(
        kl_z, torch.tensor([50**2 / 2 + 0.125 + 19, 49**2 / 2 + 19]), rtol=1e-4, atol=0
    )
    (kl_z + kl_c).sum().backward()
    for tensor in (mu, log_var, *prior.parameters()):
        assert tensor.grad is not None
        assert tensor.grad.isfinite().all()


@pytest.mark.parametrize("gamma", ["sample", "exact"])
@pytest.mark.parametrize("name", ["bernoulli", "squared_error"])
def test_gradients_are_right(gamma: str, name: str, x: Tensor, mu: Tensor, log_var: Tensor) -> None:
    prior, weight = random_prior(), normal(D, 6, seed=20)
    likelihood = likelihood_of(name, SHAPE)
    x, mu, log_var = x[:2], mu[:2].requires_grad_(), log_var[:2].requires_grad_()

    def elbos(mu: Tensor, log_var: Tensor, *_: Tensor) -> tuple[Tensor, Tensor]:
        z = reparameterize(mu, log_var, L, generator=torch.Generator().manual_seed(0))
        logits = (z @ weight).reshape(*z.shape[:-1], *SHAPE)
        vade = vade_elbo(x, logits, mu, log_var, z, prior, likelihood, gamma)
        return vade.elbo, vae_elbo(x, logits, mu, log_var, likelihood).elbo

    assert torch.autograd.gradcheck(elbos, (mu, log_var, *prior.parameters()))


def test_terms_are_the_same_under_autocast(
    x: Tensor, logits: Tensor, mu: Tensor, log_var: Tensor, z: Tensor
) -> None:
    x, logits, mu, log_var, z = (t.float() for t in (x, logits, mu, log_var, z))
    prior = random_prior().float()
    expected = vade_elbo(x, logits, mu, log_var, z, prior, BERNOULLI)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        actual = vade_elbo(x, logits, mu, log_var, z, prior, BERNOULLI)
    torch.testing.assert_close(actual, expected, rtol=1e-6, atol=1e-6)


def test_wrong_names_list_the_right_ones(mu: Tensor, log_var: Tensor) -> None:
    with pytest.raises(LatentclustError, match=r"model\.likelihood is 'l1': choose one of bernoulli, squ"):
        likelihood_of("l1", SHAPE)
    with pytest.raises(LatentclustError, match=r"model\.gamma is 'hard': choose 'sample' or 'exact'"):
        vade_kl(mu, log_var, mu.unsqueeze(0), random_prior(), "hard")
