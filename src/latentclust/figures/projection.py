"""From D latent dimensions to the two of a page."""

import warnings
from typing import Literal, NamedTuple, get_args

import numpy as np
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

from latentclust.errors import LatentclustError
from latentclust.figures.style import Floats, Integers
from latentclust.numba_cache import import_umap

Method = Literal["pca", "tsne", "umap"]

_FEWEST_ITERATIONS = 250  # t-SNE exaggerates neighborhoods in its first ones; scikit-learn refuses fewer
_FEWEST_FOR_UMAP = 4


class Plane(NamedTuple):
    """A plane through the latent space, onto which codes and mixture components fall together."""

    origin: Floats
    """The point that lands on (0, 0), (D,)."""
    axes: Floats
    """Two directions of the plane, (2, D)."""
    labels: tuple[str, str]
    """What to write along the two axes."""

    def project(self, z: Floats) -> Floats:
        """Project codes (N, D) to points (N, 2)."""
        return (z - self.origin) @ self.axes.T

    def project_components(self, means: Floats, variances: Floats) -> tuple[Floats, Floats]:
        """Project diagonal Gaussians, exactly: a linear map A takes N(m, S) to N(A m, A S A^T).

        Parameters
        ----------
        means, variances
            The components, (K, D) each.

        Returns
        -------
        tuple
            Means (K, 2) and covariances (K, 2, 2) in the plane.
        """
        return self.project(means), np.einsum("id,kd,jd->kij", self.axes, variances, self.axes)


def pca_plane(z: Floats) -> Plane:
    """Find the plane in which codes vary most; two-dimensional codes keep their own axes.

    Parameters
    ----------
    z
        Codes, (N, D). With D = 1 the second axis of the plane is empty.

    Raises
    ------
    LatentclustError
        Fewer than two codes, or codes that are not finite.
    """
    _check(z)
    dims = z.shape[1]
    if dims <= 2:
        return Plane(np.zeros(dims), np.eye(2, dims), ("z1", "z2" if dims == 2 else ""))
    with np.errstate(invalid="ignore"):  # codes that collapsed to one point have no variance to share out
        pca = PCA(n_components=2, svd_solver="full").fit(z)
    first, second = (
        f"PC {i}  ({s:.0%} of the variance)"
        for i, s in enumerate(np.nan_to_num(pca.explained_variance_ratio_), 1)
    )
    return Plane(pca.mean_, pca.components_, (first, second))


def project(
    z: Floats,
    method: Method = "pca",
    *,
    seed: int = 0,
    size: int = 2000,
    perplexity: float = 30,
    max_iter: int = 1000,
    n_neighbors: int = 15,
) -> tuple[Floats, Integers]:
    """Project a seeded subset of the codes to two dimensions.

    Parameters
    ----------
    z
        Codes, (N, D).
    method
        ``pca``, the plane in which all N codes vary most; ``tsne`` (van der Maaten and Hinton 2008) or
        ``umap`` (McInnes et al. 2018), which keep neighborhoods and whose far distances mean little.
    seed
        Chooses the subset, and the random numbers of t-SNE and UMAP.
    size
        At most this many codes are taken.
    perplexity
        t-SNE's number of effective neighbors; lowered where the subset is too small for it.
    max_iter
        Steps of t-SNE's gradient descent.
    n_neighbors
        UMAP's number of neighbors, each code being its own first one; lowered where the subset is too small
        for it.

    Returns
    -------
    tuple
        Points (M, 2), and the rows of `z` they belong to, ascending, (M,), with M = min(N, `size`).

    Raises
    ------
    LatentclustError
        An unknown method, a setting out of its range, codes that are too few or not finite, or UMAP where
        it is not installed.
    """
    if method not in get_args(Method):
        raise LatentclustError(f"unknown projection {method!r}: use one of {', '.join(get_args(Method))}")
    if size < 2 or perplexity < 1:
        raise LatentclustError(
            f"a projection needs size >= 2 and perplexity >= 1, not {size} and {perplexity:g}"
        )
    if max_iter < _FEWEST_ITERATIONS or n_neighbors < 2:
        raise LatentclustError(
            f"t-SNE needs max_iter >= {_FEWEST_ITERATIONS} and UMAP n_neighbors >= 2, "
            f"not {max_iter} and {n_neighbors}"
        )
    _check(z)
    chosen = np.sort(np.random.default_rng(seed).permutation(len(z))[:size])
    if method == "pca":
        return pca_plane(z).project(z[chosen]), chosen
    subset = z[chosen]
    if np.ptp(subset, axis=0).max() == 0:
        # All codes in one place: there is nothing to embed, and t-SNE would divide by zero.
        return np.zeros((len(subset), 2)), chosen
    if method == "tsne":
        return _tsne(subset, seed, perplexity, max_iter), chosen
    return _umap(subset, seed, n_neighbors), chosen


def _tsne(z: Floats, seed: int, perplexity: float, max_iter: int) -> Floats:
    effective = min(perplexity, (len(z) - 1) / 3)  # three times the perplexity is as far as t-SNE looks
    init = "pca" if z.shape[1] >= 2 else "random"
    model = TSNE(2, perplexity=effective, init=init, max_iter=max_iter, random_state=seed)
    embedded: Floats = model.fit_transform(z)
    return embedded


def _umap(z: Floats, seed: int, n_neighbors: int) -> Floats:
    if len(z) < _FEWEST_FOR_UMAP:
        raise LatentclustError(
            f"UMAP needs at least {_FEWEST_FOR_UMAP} codes, not {len(z)}: project them with pca"
        )
    # numba, behind UMAP, gives OpenMP all cores, and PyTorch and scikit-learn with it: they get theirs back.
    with warnings.catch_warnings(), threadpool_limits(limits=None):
        warnings.simplefilter("ignore")  # about TensorFlow, numba and old names, none about the codes
        try:
            umap = import_umap()
        except ImportError as error:
            raise LatentclustError(
                "UMAP is not installed: pip install umap-learn, or project with pca or tsne"
            ) from error
        # Small subsets have no spectrum to start from.
        init = "spectral" if len(z) > n_neighbors else "random"
        model = umap(
            n_neighbors=min(n_neighbors, len(z) - 1),
            n_components=2,
            init=init,
            random_state=seed,
            n_jobs=1,  # the price of a result that repeats itself
        )
        embedded: Floats = model.fit_transform(z)
    return embedded


def _check(z: Floats) -> None:
    if z.ndim != 2 or len(z) < 2:
        raise LatentclustError(
            f"a projection needs at least two codes as (N, D), not an array of shape {z.shape}"
        )
    if not np.isfinite(z).all():
        raise LatentclustError("the codes hold NaN or infinity: training diverged, lower the learning rate")
