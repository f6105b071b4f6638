"""A run's health: clusters that died, dimensions that carry nothing, and what to try then. No labels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latentclust.evaluation.results import Result, smallest_expected

# A dimension is active if its code's mean varies by so large a share of its whole variance over the inputs.
ACTIVE_SHARE = 0.01
# Below, the clusters are guesses.
LEAST_CONFIDENCE = 0.6
# What may help a model that learns its clusters, beside another K.
REMEDIES = ("more pretraining", "a lower learning rate", "another init")


@dataclass(frozen=True)
class Health:
    """What shows whether a run went well, without labels.

    Attributes
    ----------
    n_clusters, used
        K, and the clusters with a member.
    smallest_share
        Of the inputs, in the smallest cluster in use.
    confidence
        Mean of the largest responsibilities; None where clusters have none.
    kl_per_dimension
        Mean KL divergence of q(z_d|x) from its prior in nats, for each of the D dimensions; None for a model
        without a posterior.
    active_dimensions
        Those that depend on the input; see :func:`active`.
    advice
        What to try, a sentence each; empty if nothing is wrong.
    """

    n_clusters: int
    used: int
    smallest_share: float
    confidence: float | None
    kl_per_dimension: tuple[float, ...] | None
    active_dimensions: int | None
    advice: tuple[str, ...]

    @classmethod
    def of(
        cls,
        own: Result,
        n_clusters: int,
        kl_per_dimension: Sequence[float] | None = None,
        active_dimensions: int | None = None,
        remedies: Sequence[str] = REMEDIES,
    ) -> "Health":
        """Judge a run by its own clustering and its posterior.

        Parameters
        ----------
        own, n_clusters
            Its clustering, and K.
        kl_per_dimension, active_dimensions
            As the attributes.
        remedies
            What else the run could have had that other clusters come from; empty: nothing was trained.
        """
        confidence = None if own.unlabeled is None else own.unlabeled.confidence
        kl = None if kl_per_dimension is None else tuple(round(float(value), 4) for value in kl_per_dimension)
        n_dimensions = None if kl is None else len(kl)
        told = advice(own, n_clusters, confidence, n_dimensions, active_dimensions, remedies)
        return cls(
            n_clusters,
            own.pool.used,
            own.pool.smallest_share,
            confidence,
            kl,
            active_dimensions,
            tuple(told),
        )

    @property
    def in_words(self) -> str:
        """One line for the console."""
        parts = [f"{self.used} of {self.n_clusters} clusters in use"]
        parts.append(f"the smallest has {100 * self.smallest_share:.1f} %")
        if self.confidence is not None:
            parts.append(f"mean confidence {100 * self.confidence:.1f} %")
        if self.kl_per_dimension is not None:
            kl = sum(self.kl_per_dimension)
            parts.append(f"{self.active_dimensions} of {len(self.kl_per_dimension)} dimensions active")
            parts.append(f"KL {kl:.1f} nats")
        return f"Health: {', '.join(parts)}"


def active(mu: NDArray[np.floating], log_var: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Tell which dimensions of Gaussian posteriors depend on the input, ``(D,)``.

    Those in which the means vary by at least 1 % of the whole variance, Var[mu] + E[sigma^2]. For codes of
    N(0, I), whose whole variance is 1, it is the rule of Burda et al. 2016, "Importance weighted
    autoencoders".

    Parameters
    ----------
    mu, log_var
        ``(N, D)``.
    """
    explained = mu.var(axis=0)
    found: NDArray[np.bool_] = explained >= ACTIVE_SHARE * (explained + np.exp(log_var).mean(axis=0))
    return found


def gaussian_kl(
    mu: NDArray[np.floating],
    log_var: NDArray[np.floating],
    gamma: NDArray[np.floating],
    means: NDArray[np.floating],
    variances: NDArray[np.floating],
) -> NDArray[np.float64]:
    """Compute the mean over inputs of sum_c gamma_c KL(q(z_d|x) || N(mean_cd, variance_cd)), ``(D,)``.

    Parameters
    ----------
    mu, log_var
        Of the posteriors, ``(N, D)``.
    gamma
        Responsibilities ``(N, K)``.
    means, variances
        Of the prior's components, ``(K, D)``; one of 0 and 1 is N(0, I).
    """
    total = np.zeros(mu.shape[1])
    for weight, mean, variance in zip(gamma.T, means, variances, strict=True):
        ratio = (np.exp(log_var) + np.square(mu - mean)) / variance
        total += weight @ (0.5 * (np.log(variance) - log_var + ratio - 1))
    return total / len(mu)


def advice(
    own: Result,
    n_clusters: int,
    confidence: float | None,
    n_dimensions: int | None,
    active_dimensions: int | None,
    remedies: Sequence[str],
) -> list[str]:
    """Say what to try, for each thing that is wrong."""
    told = []
    dead = n_clusters - own.pool.used
    if dead > 0:
        tried = _either(f"fewer (n_clusters={own.pool.used})", *remedies)
        told.append(f"{dead} of {n_clusters} clusters {'has' if dead == 1 else 'have'} died: try {tried}")
    elif own.pool.smallest_share < smallest_expected(n_clusters):
        told.append(
            f"The smallest cluster has {100 * own.pool.smallest_share:.2f} % of the inputs: look at them; if "
            f"they are no group of their own, try {_either('fewer clusters', *remedies[-1:])}"
        )
    if confidence is not None and n_clusters > 1 and confidence < LEAST_CONFIDENCE:
        tried = _either("fewer clusters", "n_clusters=auto", *["longer training"] * bool(remedies))
        told.append(f"The mean confidence is {100 * confidence:.0f} %: the clusters overlap; try {tried}")
    if n_dimensions is not None and active_dimensions is not None:
        idle = n_dimensions - active_dimensions
        if active_dimensions == 0:
            told.append(
                "No latent dimension depends on the input, so the posterior has collapsed: try "
                + _either("a smaller weight of the KL term", "a lower learning rate", *remedies[:1])
            )
        elif idle > n_dimensions // 2:
            told.append(
                f"{idle} of {n_dimensions} latent dimensions carry nothing: try model.latent_dim="
                f"{active_dimensions}, or a smaller weight of the KL term"
            )
    return told


def _either(*words: str) -> str:
    """Join what may be tried, as in "this, that or another"."""
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last
