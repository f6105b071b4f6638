"""A run's health: closed forms of its numbers, and advice where something is wrong."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from latentclust.evaluation.health import REMEDIES, Health, active, gaussian_kl
from latentclust.evaluation.results import Result
from latentclust.evaluation.unlabeled import unlabeled_scores

RNG = np.random.default_rng(0)


def judged(
    sizes: list[int],
    k: int,
    confidence: float = 0.9,
    kl: list[float] | None = None,
    alive: int | None = None,
    remedies: Sequence[str] = REMEDIES,
) -> Health:
    clusters = torch.from_numpy(np.repeat(np.arange(len(sizes)), sizes))
    made = Result.of("VaDE", (clusters, None), (None, None), k, None)
    points = RNG.normal(size=(len(clusters), 2))
    scores = unlabeled_scores(points, clusters, confidence=np.full(len(clusters), confidence))
    return Health.of(Result(**vars(made) | {"unlabeled": scores}), k, kl, alive, remedies)


def test_the_divergence_from_the_standard_normal_is_torchs() -> None:
    mu, log_var = RNG.normal(size=(50, 3)), RNG.normal(size=(50, 3))
    found = gaussian_kl(mu, log_var, np.ones((50, 1)), np.zeros((1, 3)), np.ones((1, 3)))
    posterior = Normal(torch.from_numpy(mu), torch.from_numpy(np.exp(0.5 * log_var)))
    expected = kl_divergence(posterior, Normal(torch.zeros(3), torch.ones(3))).mean(dim=0)
    assert found == pytest.approx(expected.numpy())


def test_the_divergence_from_a_mixture_weighs_its_components() -> None:
    mu, log_var = RNG.normal(size=(20, 2)), RNG.normal(size=(20, 2))
    gamma = RNG.dirichlet(np.ones(3), size=20)
    means, variances = RNG.normal(size=(3, 2)), RNG.uniform(0.5, 2, size=(3, 2))
    posterior = Normal(torch.from_numpy(mu)[:, None], torch.from_numpy(np.exp(0.5 * log_var))[:, None])
    prior = Normal(torch.from_numpy(means), torch.from_numpy(np.sqrt(variances)))
    expected = (torch.from_numpy(gamma)[..., None] * kl_divergence(posterior, prior)).sum(dim=1).mean(dim=0)
    assert gaussian_kl(mu, log_var, gamma, means, variances) == pytest.approx(expected.numpy())


def test_a_dimension_is_active_if_its_means_follow_the_input() -> None:
    mu = np.column_stack([RNG.normal(size=400), 0.001 * RNG.normal(size=400), 1e-4 * RNG.normal(size=400)])
    # The second carries nothing beside a variance of 1; the third is small, and precise.
    log_var = np.tile(np.log([0.1, 1.0, 1e-10]), (400, 1))
    assert active(mu, log_var).tolist() == [True, False, True]


def test_a_healthy_run_needs_no_advice() -> None:
    health = judged([50, 50, 50], 3, kl=[1.0, 2.0], alive=2)
    assert health.advice == ()
    assert health.in_words == (
        "Health: 3 of 3 clusters in use, the smallest has 33.3 %, mean confidence 90.0 %, "
        "2 of 2 dimensions active, KL 3.0 nats"
    )


@pytest.mark.parametrize(
    ("health", "words"),
    [
        (judged([50, 50], 3), "1 of 3 clusters has died: try fewer (n_clusters=2)"),
        (judged([99, 1], 2), "The smallest cluster has 1.00 % of the inputs"),
        (judged([50, 50], 2, confidence=0.5), "The mean confidence is 50 %"),
        (judged([50, 50], 2, kl=[0.0] * 4, alive=1), "3 of 4 latent dimensions carry nothing"),
        (judged([50, 50], 2, kl=[0.0] * 4, alive=0), "the posterior has collapsed"),
    ],
)
def test_what_is_wrong_comes_with_what_to_try(health: Health, words: str) -> None:
    (advice,) = health.advice
    assert words in advice
    assert "try" in advice


def test_nothing_that_a_run_does_not_have_is_advised() -> None:
    found = [judged(sizes, 3, 0.5, remedies=()).advice for sizes in ([50, 50], [99, 98, 1])]
    assert found == [
        (
            "1 of 3 clusters has died: try fewer (n_clusters=2)",
            "The mean confidence is 50 %: the clusters overlap; try fewer clusters or n_clusters=auto",
        ),
        (
            "The smallest cluster has 0.51 % of the inputs: look at them; if they are no group of their own, "
            "try fewer clusters",
            "The mean confidence is 50 %: the clusters overlap; try fewer clusters or n_clusters=auto",
        ),
    ]
