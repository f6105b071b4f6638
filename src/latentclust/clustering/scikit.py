"""scikit-learn's KMeans and GaussianMixture, each fitted in one place: quietly, and with errors of ours.

On a GPU the iterations of a mixture are torch's; what comes back is scikit-learn's object all the same.
"""

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from sklearn.utils import check_random_state

from latentclust.clustering.em import likeliest
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
    device: torch.device | str = "cpu",
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
    device
        Where it is computed.

    Returns
    -------
    GaussianMixture
        On the CPU, equal to what its own ``fit`` gives but for rounding.

    Raises
    ------
    LatentclustError
        If the mixture cannot be fitted.
    """
    mixture = GaussianMixture(
        n_components,
        covariance_type=covariance,
        n_init=n_init,
        max_iter=max_iter,
        reg_covar=reg_covar,
        random_state=seed,
    )
    if torch.device(device).type == "cpu":
        return _fitted(mixture, points, failure)
    return fit_on_device(mixture, points, device, failure)


def fit_on_device(
    mixture: GaussianMixture, points: Points, device: torch.device | str, failure: str
) -> GaussianMixture:
    """Fit a Gaussian mixture to points ``(N, D)`` as its own ``fit`` does, its iterations on any device.

    Each restart begins with scikit-learn's k-means, on the CPU.

    Raises
    ------
    LatentclustError
        If it cannot be fitted.
    """
    if mixture.n_init < 1:
        raise LatentclustError(f"{failure}: n_init is {mixture.n_init}, and at least 1 restart is needed")
    points = np.ascontiguousarray(points, dtype=np.float64)

    def starts() -> Iterator[torch.Tensor]:
        random = check_random_state(mixture.random_state)
        for _ in range(mixture.n_init):
            kmeans = KMeans(mixture.n_components, n_init=1, random_state=random)
            yield torch.from_numpy(_fitted(kmeans, points, failure).labels_).long()

    try:
        fit = likeliest(
            torch.from_numpy(points).to(device),
            starts(),
            mixture.n_components,
            mixture.covariance_type,
            reg_covar=mixture.reg_covar,
            max_iter=mixture.max_iter,
        )
    except ValueError as error:
        raise LatentclustError(f"{failure}: {error}") from error
    found = [value.cpu().numpy() for value in fit.mixture]
    mixture.weights_, mixture.means_, mixture.covariances_, mixture.precisions_cholesky_ = found
    mixture.converged_, mixture.n_iter_, mixture.lower_bound_ = fit.converged, fit.n_iter, fit.likelihood
    mixture.n_features_in_ = points.shape[1]
    return mixture


def _fitted(method: Any, points: Points, failure: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        try:
            return method.fit(points)
        except ValueError as error:
            reason = " ".join(str(error).split())
            raise LatentclustError(f"{failure}: {reason}") from error
