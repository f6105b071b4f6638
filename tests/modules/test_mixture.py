import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.mixture import GaussianMixture
from torch import Tensor
from torch.distributions import (
    Categorical,
    Distribution,
    Independent,
    MixtureSameFamily,
    Normal,
    kl_divergence,
)

from latentclust.errors import LatentclustError
from latentclust.modules.mixture import GaussianMixturePrior, MixtureParameters

K, D = 4, 3


def random_parameters(seed: int = 0, n_clusters: int = K, latent_dim: int = D) -> MixtureParameters:
    draw = torch.Generator().manual_seed(seed)
    weights = torch.rand(n_clusters, generator=draw, dtype=torch.float64) + 0.1
    means = 2 * torch.randn(n_clusters, latent_dim, generator=draw, dtype=torch.float64)
    variances = torch.rand(n_clusters, latent_dim, generator=draw, dtype=torch.float64) + 0.2
    return MixtureParameters(weights / weights.sum(), means, variances)


def mixture_of(parameters: MixtureParameters, dtype: torch.dtype = torch.float64) -> GaussianMixturePrior:
    prior = GaussianMixturePrior(*parameters.means.shape).to(dtype)
    prior.set_parameters(parameters)
    return prior


def components_of(parameters: MixtureParameters) -> Distribution:
    return Independent(Normal(parameters.means, parameters.variances.sqrt()), 1)


@pytest.fixture
def parameters() -> MixtureParameters:
    return random_parameters()


@pytest.fixture
def z() -> Tensor:
    return 2 * torch.randn(6, D, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def test_starts_with_equal_weights_unit_variances_and_distinct_means() -> None:
    torch.manual_seed(0)
    weights, means, variances = GaussianMixturePrior(500, 20).mixture_parameters()
    torch.testing.assert_close(weights, torch.full((500,), 1 / 500))
    torch.testing.assert_close(variances, torch.ones(500, 20))
    assert means.std().item() == pytest.approx(0.1, rel=0.05)
    assert len(means.unique(dim=0)) == 500


def test_densities_are_those_of_torch_distributions(parameters: MixtureParameters, z: Tensor) -> None:
    prior, components = mixture_of(parameters), components_of(parameters)
    log_prob = components.log_prob(z.unsqueeze(-2))
    torch.testing.assert_close(prior.component_log_prob(z), log_prob)
    torch.testing.assert_close(prior.log_joint(z), log_prob + parameters.weights.log())
    mixture = MixtureSameFamily(Categorical(parameters.weights), components)
    torch.testing.assert_close(prior.log_joint(z).logsumexp(dim=1), mixture.log_prob(z))


def test_log_prob_and_responsibilities_are_scikit_learns(parameters: MixtureParameters, z: Tensor) -> None:
    reference = GaussianMixture(K, covariance_type="diag")
    reference.weights_, reference.means_, reference.covariances_ = (p.numpy() for p in parameters)
    reference.precisions_cholesky_ = 1 / np.sqrt(reference.covariances_)
    prior = mixture_of(parameters)
    np.testing.assert_allclose(
        prior.log_joint(z).logsumexp(dim=1).detach(), reference.score_samples(z.numpy())
    )
    np.testing.assert_allclose(prior.responsibilities(z).detach(), reference.predict_proba(z.numpy()))
    torch.testing.assert_close(prior.log_responsibilities(z).exp(), prior.responsibilities(z))


def test_leading_dimensions_are_kept_apart(parameters: MixtureParameters, z: Tensor) -> None:
    prior, stacked = mixture_of(parameters), z.reshape(2, 3, D)
    for method in (prior.component_log_prob, prior.log_joint, prior.responsibilities):
        assert method(stacked).shape == (2, 3, K)
        torch.testing.assert_close(method(stacked)[1, 2], method(z[5]))


def test_component_kl_is_that_of_torch_distributions(parameters: MixtureParameters, z: Tensor) -> None:
    log_var = 0.5 * z.flip(0)
    posterior = Independent(Normal(z.unsqueeze(-2), (0.5 * log_var).exp().unsqueeze(-2)), 1)
    expected = kl_divergence(posterior.expand((len(z), K)), components_of(parameters).expand((len(z), K)))
    torch.testing.assert_close(mixture_of(parameters).component_kl(z, log_var), expected)


@pytest.mark.parametrize("distance", [50.0, 1000.0])
def test_responsibilities_hold_far_from_every_component(distance: float) -> None:
    """In float32, where every density is 0 and exp underflows."""
    means = torch.tensor([[0.0, 0.0], [1.0, 0.0]])
    prior = mixture_of(MixtureParameters(torch.tensor([0.75, 0.25]), means, torch.ones(2, 2)), torch.float32)
    between = torch.tensor([0.5, distance], requires_grad=True)  # as far from the one as from the other
    log_gamma = prior.log_responsibilities(between)
    torch.testing.assert_close(log_gamma.exp(), torch.tensor([0.75, 0.25]), rtol=1e-2, atol=0)
    nearer_second = torch.tensor([1.0 + distance, 0.0])
    assert prior.responsibilities(nearer_second)[1] > 1 - 1e-6
    # log N1 - log N0 = (2 z - 1) / 2
    expected = torch.tensor(np.log(1 / 3) + distance + 0.5, dtype=torch.float32)
    difference = prior.log_responsibilities(nearer_second)
    torch.testing.assert_close(difference[1] - difference[0], expected, rtol=1e-2, atol=0)
    log_gamma.sum().backward()
    assert between.grad is not None
    assert between.grad.isfinite().all()


def test_everything_stays_float32_under_autocast(parameters: MixtureParameters, z: Tensor) -> None:
    prior, codes = mixture_of(parameters, torch.float32), z.float()
    expected = [
        prior.log_joint(codes),
        prior.component_kl(codes, codes),
    ]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        actual = [
            prior.log_joint(codes),
            prior.component_kl(codes, codes),
        ]
    torch.testing.assert_close(actual, expected, rtol=0, atol=0)


def test_gradients_are_right(parameters: MixtureParameters, z: Tensor) -> None:
    prior = mixture_of(parameters)
    own = tuple(prior.parameters())
    mu, log_var = z[:2].clone().requires_grad_(), z[2:4].clone().requires_grad_()

    def outputs(mu: Tensor, log_var: Tensor, *_: Tensor) -> tuple[Tensor, ...]:
        return prior.log_joint(mu), prior.component_kl(mu, log_var)

    assert torch.autograd.gradcheck(outputs, (mu, log_var, *own))


@given(seed=st.integers(0, 10_000), n_clusters=st.integers(1, 8), latent_dim=st.integers(1, 5))
@settings(max_examples=25, deadline=None)
def test_parameters_come_back_as_they_were_set(seed: int, n_clusters: int, latent_dim: int) -> None:
    given_parameters = random_parameters(seed, n_clusters, latent_dim)
    torch.testing.assert_close(mixture_of(given_parameters).mixture_parameters(), given_parameters)


def test_set_parameters_copies(parameters: MixtureParameters) -> None:
    prior = mixture_of(parameters)
    out = prior.mixture_parameters()
    out.means.zero_()
    parameters.means.fill_(7)
    assert not (prior.means == 0).any()
    assert not (prior.means == 7).any()
    assert all(p.requires_grad for p in prior.parameters())


def test_variances_are_bounded_and_can_leave_the_bound() -> None:
    prior = GaussianMixturePrior(1, 2)
    prior.set_parameters(MixtureParameters(torch.ones(1), torch.zeros(1, 2), torch.tensor([[1e-30, 1e30]])))
    torch.testing.assert_close(prior.log_vars.detach(), torch.tensor([[-12.0, 12.0]]))
    with torch.no_grad():
        prior.log_vars.copy_(torch.tensor([[-99.0, 99.0]]))
    torch.testing.assert_close(prior.bounded_log_vars, torch.tensor([[-12.0, 12.0]]))
    (-prior.log_joint(torch.ones(2)).logsumexp(dim=0)).backward()
    assert prior.log_vars.grad is not None
    first, second = prior.log_vars.grad[0]
    assert first < 0 < second  # descent leads back from both sides


def test_samples_have_the_mixtures_moments(parameters: MixtureParameters) -> None:
    prior = mixture_of(parameters)
    z, clusters = prior.sample(40_000, generator=torch.Generator().manual_seed(0))
    assert z.shape == (40_000, D)
    assert clusters.dtype == torch.int64
    assert not z.requires_grad
    shares = torch.bincount(clusters, minlength=K) / len(clusters)
    torch.testing.assert_close(shares.double(), parameters.weights, rtol=0, atol=0.01)
    for c in range(K):
        members = z[clusters == c]
        torch.testing.assert_close(members.mean(dim=0), parameters.means[c], rtol=0, atol=0.06)
        torch.testing.assert_close(members.var(dim=0), parameters.variances[c], rtol=0.08, atol=0)


def test_samples_of_one_cluster(parameters: MixtureParameters) -> None:
    z, clusters = mixture_of(parameters).sample(20_000, cluster=2, generator=torch.Generator().manual_seed(0))
    assert (clusters == 2).all()
    torch.testing.assert_close(z.mean(dim=0), parameters.means[2], rtol=0, atol=0.04)


def test_sampling_repeats_with_its_generator(parameters: MixtureParameters) -> None:
    prior = mixture_of(parameters)
    first, again, other = (prior.sample(5, generator=torch.Generator().manual_seed(s))[0] for s in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("cluster", [-1, K])
def test_no_such_cluster(cluster: int) -> None:
    with pytest.raises(LatentclustError, match=f"no cluster {cluster}: choose one from 0 to 3"):
        GaussianMixturePrior(K, D).sample(1, cluster)


@pytest.mark.parametrize(("sizes", "key"), [((0, 2), r"n_clusters"), ((2, 0), r"model\.latent_dim")])
def test_impossible_sizes_name_their_key(sizes: tuple[int, int], key: str) -> None:
    with pytest.raises(LatentclustError, match=key):
        GaussianMixturePrior(*sizes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": torch.ones(K + 1)}, "weights have shape"),
        ({"means": torch.zeros(K, D + 1)}, "means have shape"),
        ({"weights": torch.tensor([0.5, 0.5, 0.0, 0.0])}, "weights must be positive"),
        ({"variances": -torch.ones(K, D)}, "variances must be positive"),
        ({"means": torch.full((K, D), torch.nan)}, "means must be finite"),
    ],
)
def test_set_parameters_refuses(
    parameters: MixtureParameters, change: dict[str, Tensor], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        GaussianMixturePrior(K, D).set_parameters(parameters._replace(**change))
