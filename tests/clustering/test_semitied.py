"""Diagonal Gaussians in common axes that are learned with them."""

from functools import partial
from itertools import combinations, pairwise, product

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.stats import multivariate_normal, norm
from sklearn.metrics import adjusted_rand_score

from latentclust.clustering import fit_gmm, fit_semitied, semitied, semitied_em
from latentclust.clustering.semitied import climb_on
from latentclust.clustering.semitied_em import (
    Fit,
    SemiTied,
    maximize_likelihood,
    moments,
    turn,
    whitening,
)
from latentclust.clustering.split_merge import merge_and_split, merge_losses
from latentclust.errors import LatentclustError

Array = NDArray[np.float64]
AXES = np.array([[1.0, 2.0, 0.0], [0.5, -1.0, 1.0], [0.0, 1.0, 3.0]])


def tilted(n: int = 2000, seed: int = 0) -> tuple[Array, NDArray[np.int64], Array]:
    """Four clusters with equal shares, diagonal in AXES z, needles there; the codes, their clusters, A z."""
    random = np.random.default_rng(seed)
    origin = random.integers(4, size=n)
    means = np.array([[0.0, 0, 0], [0, 4, 0], [0, 0, 4], [0, 4, 4]])
    deviations = np.array([[9.0, 0.5, 0.5], [3, 0.3, 0.8], [5, 0.6, 0.4], [12, 0.5, 0.7]])
    y = means[origin] + deviations[origin] * random.normal(size=(n, 3))
    return y @ np.linalg.inv(AXES).T, origin, y


def some_mixture(seed: int, k: int = 3, d: int = 4) -> SemiTied:
    random = np.random.default_rng(seed)
    return SemiTied(
        random.normal(size=(d, d)),
        random.dirichlet(np.ones(k)),
        random.normal(size=(k, d)),
        random.uniform(0.1, 3, size=(k, d)),
    )


@given(seed=st.integers(0, 10_000))
def test_log_joint_is_that_of_gaussians_with_their_full_covariances(seed: int) -> None:
    mixture = some_mixture(seed)
    codes = np.random.default_rng(seed + 1).normal(size=(5, 4))
    back = np.linalg.inv(mixture.axes)
    expected = [
        np.log(weight) + multivariate_normal(back @ mean, back @ np.diag(variances) @ back.T).logpdf(codes)
        for weight, mean, variances in zip(mixture.weights, mixture.means, mixture.variances, strict=True)
    ]
    np.testing.assert_allclose(mixture.log_joint(codes), np.stack(expected, axis=1), rtol=1e-5, atol=1e-6)


def test_clusters_are_found_in_axes_that_a_diagonal_mixture_cuts_across() -> None:
    z, origin, y = tilted()
    assert adjusted_rand_score(origin, fit_gmm(z, 4).clusters) < 0.6
    fitted = fit_semitied(z, 4)
    assert adjusted_rand_score(origin, fitted.clusters) > 0.98
    # Of the true axes each is one of the learned ones, but for its scale: within clusters they say the same.
    assert fitted.axes is not None
    both = np.c_[z @ fitted.axes.numpy().T, y]
    within = both - np.stack([both[origin == c].mean(axis=0) for c in range(4)])[origin]
    same = np.abs(np.corrcoef(within.T)[:3, 3:])
    assert (same.max(axis=0) > 0.99).all()
    assert sorted(same.argmax(axis=0)) == [0, 1, 2]


@pytest.mark.parametrize("weights", ["equal", "free"])
def test_the_axes_that_codes_come_in_do_not_matter(weights: str) -> None:
    z, _, _ = tilted(800)
    ours, theirs = (fit_semitied(codes, 4, weights=weights) for codes in (z, z @ AXES.T + 5.0))
    assert torch.equal(ours.clusters, theirs.clusters)
    # The same density in other units.
    assert ours.objective - theirs.objective == pytest.approx(np.log(abs(np.linalg.det(AXES))), abs=1e-3)


def test_one_component_is_the_gaussian_of_the_codes() -> None:
    z, _, _ = tilted(500)
    fitted = fit_semitied(z, 1)
    full = multivariate_normal(z.mean(axis=0), np.cov(z.T, bias=True)).logpdf(z).mean()
    assert fitted.objective == pytest.approx(full, abs=1e-4)


@pytest.mark.parametrize("equal", [True, False])
def test_every_iteration_raises_the_likelihood(equal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(semitied_em, "TOLERANCE", -np.inf)
    z, _, _ = tilted(400)
    start = np.random.default_rng(1).dirichlet(np.ones(5), size=len(z))
    likelihoods = [
        maximize_likelihood(z, start, equal=equal, max_iter=n, reg_covar=0.0)[0] for n in range(1, 25)
    ]
    assert all(after >= before - 1e-9 for before, after in pairwise(likelihoods))
    assert likelihoods[-1] > likelihoods[0] + 0.1


def test_turning_the_axes_gets_where_a_numerical_optimizer_gets() -> None:
    random = np.random.default_rng(3)
    roots = random.normal(size=(3, 3, 3))
    covariances, counts = roots @ roots.transpose(0, 2, 1) + 0.3 * np.eye(3), np.array([30.0, 50.0, 20.0])

    def loss(flat: Array) -> float:
        axes = flat.reshape(3, 3)
        variances = np.einsum("di,kij,dj->kd", axes, covariances, axes)
        shares = counts / counts.sum()
        return float(0.5 * shares @ np.log(variances).sum(axis=1) - np.linalg.slogdet(axes)[1])

    axes = whitening(np.average(covariances, axis=0, weights=counts))
    start = loss(axes.ravel())
    for _ in range(200):
        axes = turn(axes, counts, covariances)
    optimum = min(minimize(loss, random.normal(size=9), method="BFGS").fun for _ in range(10))
    assert start > optimum + 0.01
    assert loss(axes.ravel()) == pytest.approx(optimum, abs=1e-5)


def test_moments_are_numpys() -> None:
    random = np.random.default_rng(0)
    z, shares = random.normal(size=(50, 3)), random.dirichlet(np.ones(4), size=50)
    counts, means, covariances = moments(z, shares, 0.25)
    np.testing.assert_allclose(counts, shares.sum(axis=0))
    for k in range(4):
        np.testing.assert_allclose(means[k], np.average(z, axis=0, weights=shares[:, k]))
        expected = np.cov(z.T, aweights=shares[:, k], bias=True) + 0.25 * np.eye(3)
        np.testing.assert_allclose(covariances[k], expected)


def test_weights_are_equal_or_the_clusters_shares() -> None:
    z, _, _ = tilted(600)
    equal, free = fit_semitied(z, 4), fit_semitied(z, 4, weights="free")
    torch.testing.assert_close(equal.parameters.weights, torch.full((4,), 0.25))
    shares = torch.bincount(free.clusters, minlength=4) / len(z)
    torch.testing.assert_close(free.parameters.weights, shares, rtol=0, atol=0.02)


def test_each_axis_has_the_codes_mean_variance() -> None:
    z, _, _ = tilted(500)
    fitted = fit_semitied(z, 4, reg_covar=0.0)
    assert fitted.axes is not None
    variances = (z @ fitted.axes.numpy().T).var(axis=0)
    np.testing.assert_allclose(variances, z.var(axis=0).mean(), rtol=1e-4)


def test_the_likeliest_restart_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    z = np.random.default_rng(3).normal(size=(150, 2))
    seen: list[float] = []

    def spy(codes: Array, fit: Fit, *_: object, **__: object) -> Fit:
        seen.append(fit.likelihood)
        return fit

    monkeypatch.setattr(semitied, "climb_on", spy)
    fitted = fit_semitied(z, 6, n_init=5, seed=1)
    assert len(seen) == 5
    assert max(seen) > seen[0] + 1e-3  # the restarts differ, and the first is not the best
    assert fitted.objective == pytest.approx(max(seen))


def test_merging_and_splitting_leaves_a_poor_maximum() -> None:
    z, origin, _ = tilted(1000)
    wrong = np.where(origin == 3, 2, origin)  # two clusters in one component, ...
    wrong[(origin == 0) & (z[:, 0] > np.median(z[origin == 0, 0]))] = 3  # ... and one in two
    climb = partial(maximize_likelihood, equal=True, reg_covar=1e-6)
    poor = climb(z, np.eye(4)[wrong], max_iter=300)
    assert adjusted_rand_score(origin, poor.mixture.log_joint(z).argmax(axis=1)) < 0.8
    better = climb_on(z, poor, climb, max_iter=300, seed=0)
    assert better.likelihood > poor.likelihood + 0.01
    assert adjusted_rand_score(origin, better.mixture.log_joint(z).argmax(axis=1)) > 0.97


def test_a_merge_loses_what_the_points_say() -> None:
    random = np.random.default_rng(0)
    parts = [random.normal(k, 1 + k, size=(20 + 30 * k, 3)) for k in range(3)]

    def log_likelihood(points: Array) -> float:
        return float(norm(points.mean(axis=0), points.std(axis=0)).logpdf(points).sum())

    losses = merge_losses(
        np.array([float(len(p)) for p in parts]),
        np.stack([p.mean(axis=0) for p in parts]),
        np.stack([p.var(axis=0) for p in parts]),
    )
    for i, j in product(range(3), repeat=2):
        apart = log_likelihood(parts[i]) + log_likelihood(parts[j])
        expected = 0 if i == j else apart - log_likelihood(np.concatenate([parts[i], parts[j]]))
        assert losses[i, j] == pytest.approx(expected, abs=1e-9)


def test_a_merge_and_split_moves_responsibilities_and_loses_none() -> None:
    random = np.random.default_rng(0)
    points, shares = random.normal(size=(80, 2)), random.dirichlet(np.ones(4), size=80)
    counts, means, covariances = moments(points, shares, 0.0)
    variances = np.diagonal(covariances, axis1=1, axis2=2)
    changes = list(merge_and_split(points, shares, means, variances, n_pairs=3, seed=0))
    assert len(changes) == 3 * 2  # each pair with each of the others
    losses = merge_losses(counts - 10 * np.finfo(float).eps, means, variances)
    cheapest = sorted(combinations(range(4), 2), key=lambda pair: losses[pair])[:3]
    for changed, (i, j) in zip(changes, np.repeat(cheapest, 2, axis=0), strict=True):
        np.testing.assert_allclose(changed.sum(axis=1), 1)
        np.testing.assert_allclose(changed[:, i], shares[:, i] + shares[:, j])
        (k,) = [k for k in range(4) if k not in (i, j) and not np.allclose(changed[:, k], shares[:, k])]
        np.testing.assert_allclose(changed[:, k] + changed[:, j], shares[:, k])
        assert ((changed[:, k] == 0) | (changed[:, j] == 0)).all()  # a code goes to either half
        assert 0 < (changed[:, j] > 0).sum() < 80


def test_a_sample_of_many_codes_is_fitted_and_all_get_a_cluster() -> None:
    z, origin, _ = tilted(3000)
    fitted = fit_semitied(z, 4, max_codes=600)
    assert adjusted_rand_score(origin, fitted.clusters) > 0.97


def test_running_out_of_iterations_is_reported() -> None:
    assert not fit_semitied(tilted(300)[0], 5, n_init=1, max_iter=1).converged


def test_a_dimension_without_variance_is_borne() -> None:
    z, origin, _ = tilted(500)
    fitted = fit_semitied(np.c_[z, np.full(len(z), 3.0)], 4)
    assert adjusted_rand_score(origin, fitted.clusters) > 0.97
    assert fitted.axes is not None
    assert bool(fitted.axes.isfinite().all())


def test_other_weights_are_refused() -> None:
    with pytest.raises(LatentclustError, match=r"init\.weights is 'some': choose equal or free"):
        fit_semitied(tilted(20)[0], 2, weights="some")
