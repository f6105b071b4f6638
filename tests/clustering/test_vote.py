"""The neighbors' vote against a loop over images, and on groups that one look misjudges."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentclust.clustering import Neighbors, fit_vote, nearest
from latentclust.errors import LatentclustError


def random_neighbors(random: np.random.Generator, n: int, near: int, itself: bool) -> Neighbors:
    """Give each of n images ``near`` others in random order, after itself or without it."""
    others = np.stack([random.permutation(np.delete(np.arange(n), i))[:near] for i in range(n)])
    indices = np.hstack([np.arange(n)[:, None], others]) if itself else others
    return Neighbors(indices, np.zeros(indices.shape, dtype=np.float32))


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 3), st.booleans())
def test_votes_against_a_loop(seed: int, voters: int, n_senses: int, itself: bool) -> None:
    random = np.random.default_rng(seed)
    own = random.integers(0, 3, 20)
    senses = [random_neighbors(random, 20, 7, itself) for _ in range(n_senses)]
    voted = fit_vote(random.normal(size=(20, 2)), 3, own, senses, voters=voters).clusters
    for i in range(20):
        ballots = Counter({int(own[i]): n_senses})
        for neighbors in senses:
            others = [j for j in neighbors.indices[i] if j != i]
            ballots.update(int(own[j]) for j in others[:voters])
        most = max(ballots.values())
        winners = {cluster for cluster, votes in ballots.items() if votes == most}
        assert int(voted[i]) == own[i] if own[i] in winners else int(voted[i]) in winners


def test_stray_images_join_their_group() -> None:
    random = np.random.default_rng(0)
    group = np.repeat([0, 1, 2], 100)
    codes = random.normal(size=(300, 4)) + 8 * np.eye(4)[group]
    stray = random.permutation(300)[:30]
    clusters = group.copy()
    clusters[stray] = (group[stray] + 1) % 3
    found = fit_vote(codes, 3, clusters, [nearest(codes, 8)], voters=7)
    assert (found.clusters.numpy() == group).mean() > 0.99
    assert found.objective == pytest.approx(1 - (found.clusters.numpy() != clusters).mean())
    for k in range(3):
        members = codes[found.clusters.numpy() == k]
        np.testing.assert_allclose(found.parameters.means[k], members.mean(axis=0), rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(found.parameters.variances[k], members.var(axis=0), rtol=1e-4)


def test_codes_are_checked() -> None:
    with pytest.raises(LatentclustError, match="not finite"):
        fit_vote(np.full((5, 2), np.nan), 2, np.zeros(5, dtype=int), [])
