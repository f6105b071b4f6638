"""Gaussian mixtures with full covariances follow tilted clusters, which diagonal ones cut."""

import warnings

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from latentclust.errors import LatentclustError


def full_mixture(
    points: NDArray[np.float64], n_components: int, *, n_init: int, seed: int, reg_covar: float = 1e-4
) -> GaussianMixture:
    """Fit a mixture with full covariances to points ``(N, D)``; of several restarts the likeliest is kept.

    Raises
    ------
    LatentclustError
        If scikit-learn cannot fit them.
    """
    mixture = GaussianMixture(
        n_components,
        covariance_type="full",
        n_init=n_init,
        max_iter=200,
        reg_covar=reg_covar,
        random_state=seed,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # `converged_` says it
        try:
            return mixture.fit(points)
        except ValueError as error:
            reason = " ".join(str(error).split())
            raise LatentclustError(f"the mixture could not be fitted to the codes: {reason}") from error
