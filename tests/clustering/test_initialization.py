import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture
from torch import Tensor

from latentclust import clustering as initialization
from latentclust.clustering import (
    Initialization,
    fit_gmm,
    fit_kmeans,
    in_given_axes,
)
from latentclust.clustering.base import from_partition
from latentclust.errors import LatentclustError
from latentclust.modules.mixture import GaussianMixturePrior
from latentclust.registry import STARTS

WEIGHTS = torch.tensor([0.5, 0.3, 0.2])
MEANS = torch.tensor([[-8.0, 0.0], [0.0, 8.0], [8.0, -2.0]])
DEVIATIONS = torch.tensor([[0.5, 1.0], [1.5, 0.3], [1.0, 1.0]])


def blobs(n: int = 3000, seed: int = 0) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(seed)
    origin = torch.multinomial(WEIGHTS, n, replacement=True, generator=draw)
    return MEANS[origin] + DEVIATIONS[origin] * torch.randn(n, 2, generator=draw), origin


@pytest.fixture(params=STARTS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_separate_blobs_are_found(name: str) -> None:
    z, origin = blobs()
    start = initialization.fit(name, z, 3, n_init=3)
    assert start.converged
    assert start.clusters.dtype == torch.int64
    assert adjusted_rand_score(origin, start.clusters) > 0.999
    if start.axes is not None:
        start = in_given_axes(start, z)
    assert start.axes is None
    order = start.parameters.means[:, 0].argsort()
    weights, means, variances = (values[order] for values in start.parameters)
    assert weights.sum().item() == pytest.approx(1)
    torch.testing.assert_close(weights, WEIGHTS, rtol=0, atol=0.03)
    torch.testing.assert_close(means, MEANS, rtol=0, atol=0.15)
    torch.testing.assert_close(variances, DEVIATIONS.square(), rtol=0.15, atol=0)


def test_start_fits_the_prior(name: str) -> None:
    z, _ = blobs()
    start = initialization.fit(name, z, 3, n_init=1)
    prior = GaussianMixturePrior(3, 2)
    prior.set_parameters(start.parameters)
    codes = z if start.axes is None else z @ start.axes.T
    assert torch.equal(prior.responsibilities(codes).argmax(dim=-1), start.clusters)


def test_gmm_objective_is_the_mean_log_likelihood_of_its_mixture() -> None:
    z, _ = blobs()
    start = fit_gmm(z, 3)
    prior = GaussianMixturePrior(3, 2)
    prior.set_parameters(start.parameters)
    assert start.objective == pytest.approx(prior.log_joint(z).logsumexp(dim=1).mean().item(), abs=1e-4)


def test_gmm_keeps_its_likeliest_restart() -> None:
    z = torch.randn(150, 2, generator=torch.Generator().manual_seed(3))
    random = np.random.RandomState(5)  # one stream for the restarts, as scikit-learn draws them
    singles = [
        GaussianMixture(6, covariance_type="diag", max_iter=200, random_state=random).fit(z.double().numpy())
        for _ in range(4)
    ]
    bounds = [single.lower_bound_ for single in singles]
    best = singles[int(np.argmax(bounds))]
    assert max(bounds) > bounds[0] + 1e-3  # the restarts differ, and the first is not the best
    start = fit_gmm(z, 6, n_init=4, seed=5)
    assert start.objective == pytest.approx(best.score(z.double().numpy()))


def test_kmeans_keeps_the_restart_with_the_least_inertia() -> None:
    z = torch.randn(150, 2, generator=torch.Generator().manual_seed(3))
    one, many = (
        -KMeans(8, n_init=n, max_iter=200, random_state=5).fit(z.double().numpy()).inertia_ / len(z)
        for n in (1, 6)
    )
    assert many > one + 1e-3  # the restarts differ, and the first is not the best
    assert fit_kmeans(z, 8, n_init=6, seed=5).objective == pytest.approx(many)
    assert fit_kmeans(z, 8, n_init=1, seed=5).objective == pytest.approx(one)


def test_kmeans_components_are_the_clusters_own_moments() -> None:
    z, _ = blobs()
    start = fit_kmeans(z, 4, reg_covar=0.25)
    inertia = 0.0
    for c in range(4):
        members = z[start.clusters == c]
        assert start.parameters.weights[c].item() == pytest.approx(len(members) / len(z))
        torch.testing.assert_close(start.parameters.means[c], members.mean(dim=0), rtol=0, atol=0.02)
        variances = members.var(dim=0, correction=0) + 0.25
        torch.testing.assert_close(start.parameters.variances[c], variances, rtol=1e-3, atol=0)
        inertia += (members - members.mean(dim=0)).square().sum().item()
    assert start.objective == pytest.approx(-inertia / len(z), rel=1e-3)


def as_numbers(start: Initialization) -> list[float]:
    return [start.objective, *start.parameters.means.flatten().tolist(), *start.clusters.tolist()]


def test_a_seed_repeats_its_fit(name: str) -> None:
    z = torch.randn(200, 3, generator=torch.Generator().manual_seed(0))
    first, again, other = (initialization.fit(name, z, 6, n_init=1, seed=seed) for seed in (1, 1, 2))
    assert as_numbers(first) == as_numbers(again)
    assert as_numbers(first) != as_numbers(other)


def test_arrays_and_half_precision_tensors_are_codes_too(name: str) -> None:
    z = blobs(300)[0].bfloat16()
    expected = initialization.fit(name, z.float(), 3, n_init=1)
    for codes in (z, z.float().numpy(), z.float().requires_grad_()):
        assert as_numbers(initialization.fit(name, codes, 3, n_init=1)) == as_numbers(expected)


@pytest.mark.parametrize("name", ["gmm", "kmeans"])
def test_running_out_of_iterations_is_reported(name: str) -> None:
    z = torch.randn(500, 2, generator=torch.Generator().manual_seed(0))
    start = initialization.fit(name, z, 5, n_init=1, max_iter=1)
    assert not start.converged
    assert start.parameters.variances.isfinite().all()


def test_fewer_distinct_codes_than_clusters_still_start(name: str) -> None:
    z = torch.tensor([[0.0, 0.0], [4.0, 4.0]]).repeat(10, 1)
    start = initialization.fit(name, z, 3, n_init=1)
    GaussianMixturePrior(3, 2).set_parameters(start.parameters)
    if name != "manifold":  # whose layout pushes equal codes apart
        assert (start.clusters[::2] != start.clusters[1::2]).all()
    if name == "kmeans":
        assert not start.converged
        weights = start.parameters.weights.sort().values
        torch.testing.assert_close(weights, torch.tensor([1.0, 10.0, 10.0]) / 21)


def test_a_cluster_of_one_or_of_equal_codes_has_a_tenth_of_the_others_deviation() -> None:
    """A component without a width would make the KL term of its codes thousands of nats."""
    z, origin = blobs()
    few = torch.tensor([[40.0, 40.0], [-40.0, 40.0], [-40.0, 40.0]])
    clusters = torch.cat([origin, torch.tensor([3, 4, 4])])
    codes = torch.cat([z, few]).double().numpy()
    fitted = from_partition(codes, clusters.numpy(), 5, reg_covar=1e-6, objective=0.0, converged=True)
    own = torch.stack([z[origin == k].var(dim=0, correction=0) for k in range(3)])
    within = (torch.bincount(origin)[:, None] * own).sum(dim=0) / len(codes)
    torch.testing.assert_close(fitted.parameters.variances[:3], own, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(
        fitted.parameters.variances[3:], (0.01 * within).expand(2, 2), rtol=1e-3, atol=1e-6
    )


@pytest.mark.parametrize("n_clusters", [0, 4])
def test_more_clusters_than_codes_are_refused(name: str, n_clusters: int) -> None:
    with pytest.raises(LatentclustError, match=rf"n_clusters is {n_clusters}, but there are 3 codes"):
        initialization.fit(name, torch.zeros(3, 2), n_clusters)


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_codes_that_are_not_finite_are_refused(name: str, value: float) -> None:
    z, _ = blobs(20)
    z[3, 1] = value
    with pytest.raises(LatentclustError, match="not finite"):
        initialization.fit(name, z, 3)


def test_what_scikit_learn_refuses_is_one_line(name: str) -> None:
    with pytest.raises(LatentclustError, match="could not be fitted") as raised:
        initialization.fit(name, blobs(20)[0], 3, n_init=0)
    assert "\n" not in str(raised.value)


def test_unknown_names_list_the_known_ones() -> None:
    with pytest.raises(LatentclustError, match=r"init\.name is 'ward': choose one of gmm, semitied"):
        initialization.fit("ward", blobs(20)[0], 3)


def test_a_sample_of_very_many_codes_is_fitted() -> None:
    z, origin = blobs(120_000)
    start = fit_gmm(z, 3, n_init=1)
    assert len(start.clusters) == len(z)
    assert adjusted_rand_score(origin, start.clusters) > 0.999
    torch.testing.assert_close(
        start.parameters.means.sort(dim=0).values, MEANS.sort(dim=0).values, rtol=0, atol=0.05
    )
