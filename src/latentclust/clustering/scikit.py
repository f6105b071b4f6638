"""scikit-learn's KMeans and GaussianMixture, each fitted in one place: quietly, and with errors of ours."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from latentclust.errors import LatentclustError

Points = NDArray[np.floating]


def kmeans_of(
    points: Points,
    n_clusters: int,
    *,
    n_init: int,
    seed: int,
    failure: str = "k-means could not be fitted to the codes",
    **options: Any,
) -> KMeans:
    """Run k-means on points ``(N, D)``; of several restarts the one with the least inertia is kept.

    Fewer distinct points than clusters, or a limit of iterations that is reached, are no reason to stop.

    Parameters
    ----------
    points
        ``(N, D)``.
    n_clusters, n_init, seed
        K, the restarts, and what they are drawn from.
    failure
        What the error begins with.
    options
        Further arguments of scikit-learn's class.

    Raises
    ------
    LatentclustError
        If scikit-learn cannot fit them.
    """
    return _fitted(KMeans(n_clusters, n_init=n_init, random_state=seed, **options), points, failure)


def mixture_of(
    points: Points,
    n_components: int,
    covariance: str,
    *,
    n_init: int,
    seed: int,
    reg_covar: float,
    max_iter: int = 200,
    failure: str = "the mixture could not be fitted to the codes",
) -> GaussianMixture:
    """Fit a Gaussian mixture to points ``(N, D)``; of several restarts the likeliest is kept.

    Parameters
    ----------
    points
        ``(N, D)``.
    n_components, n_init, seed
        K, the restarts, each from its own k-means, and what they are drawn from.
    covariance
        ``diag`` or ``full``: full ones follow tilted clusters, which diagonal ones cut.
    reg_covar
        Added to every variance.
    max_iter
        Limit of iterations of each restart; ``converged_`` says whether it was reached.
    failure
        What the error begins with.

    Raises
    ------
    LatentclustError
        If scikit-learn cannot fit them.
    """
    mixture = GaussianMixture(
        n_components,
        covariance_type=covariance,
        n_init=n_init,
        max_iter=max_iter,
        reg_covar=reg_covar,
        random_state=seed,
    )
    return _fitted(mixture, points, failure)


def _fitted(method: Any, points: Points, failure: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        try:
            return method.fit(points)
        except ValueError as error:
            reason = " ".join(str(error).split())
            raise LatentclustError(f"{failure}: {reason}") from error
