"""Mixtures by expectation-maximization, against scikit-learn's own."""

import numpy as np
import pytest
from sklearn.mixture import GaussianMixture

from latentclust.clustering.scikit import fit_on_device
from latentclust.errors import LatentclustError


def points(n: int = 600, dims: int = 3) -> np.ndarray:
    random = np.random.default_rng(0)
    spread = random.normal(size=(4, dims, dims))
    which = random.integers(4, size=n)
    return np.einsum("nij,nj->ni", spread[which], random.normal(size=(n, dims))) + 3 * which[:, None]


@pytest.mark.parametrize("covariance", ["diag", "full"])
@pytest.mark.parametrize(("n_components", "n_init", "max_iter"), [(1, 1, 200), (4, 3, 200), (9, 2, 3)])
def test_a_fit_is_scikit_learns(covariance: str, n_components: int, n_init: int, max_iter: int) -> None:
    x = points()
    own, ours = (
        GaussianMixture(
            n_components,
            covariance_type=covariance,
            n_init=n_init,
            max_iter=max_iter,
            reg_covar=1e-5,
            random_state=7,
        )
        for _ in range(2)
    )
    if max_iter > 3:
        own.fit(x)
    else:
        with pytest.warns(match="did not converge"):
            own.fit(x)
    found = fit_on_device(ours, x, "cpu", "no fit")
    for name in ("weights_", "means_", "covariances_", "precisions_cholesky_", "lower_bound_"):
        np.testing.assert_allclose(getattr(found, name), getattr(own, name), rtol=1e-7, atol=1e-9)
    assert (found.converged_, found.n_iter_) == (own.converged_, own.n_iter_)
    assert (found.predict(x) == own.predict(x)).all()
    assert found.score(x) == pytest.approx(own.score(x))
    assert found.bic(x) == pytest.approx(own.bic(x))


@pytest.mark.parametrize("covariance", ["diag", "full"])
def test_a_component_without_extent_is_an_error_in_one_line(covariance: str) -> None:
    mixture = GaussianMixture(1, covariance_type=covariance, reg_covar=0.0, random_state=0)
    with pytest.raises(LatentclustError, match=r"could not be fitted: a .*covar"):
        fit_on_device(mixture, np.zeros((9, 2)), "cpu", "could not be fitted")
