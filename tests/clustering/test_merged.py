"""Merging mixture components."""

import os
import subprocess
import sys
from itertools import combinations
from math import log

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import rel_entr
from scipy.stats import entropy
from sklearn.datasets import make_moons
from sklearn.metrics import adjusted_rand_score

from latentclust.clustering import fit_gmm, fit_manifold, fit_merged, nearest
from latentclust.clustering import merged as module
from latentclust.clustering.manifold import embed
from latentclust.clustering.merged import merge_components, mutual_information


def shares(n: int = 60, m: int = 6, seed: int = 0) -> NDArray[np.float64]:
    return np.random.default_rng(seed).dirichlet(np.full(m, 0.3), size=n)


def merged_one_by_one(r: NDArray[np.float64], k: int) -> list[set[int]]:
    """Each step tries every pair, and takes the entropies from scipy."""
    groups = [{j} for j in range(r.shape[1])]

    def total(groups: list[set[int]]) -> float:
        return float(entropy(np.stack([r[:, sorted(g)].sum(axis=1) for g in groups], axis=1), axis=1).sum())

    while len(groups) > k:
        gains = {}
        for a, b in combinations(range(len(groups)), 2):
            rest = [g for i, g in enumerate(groups) if i not in (a, b)]
            smaller = min(r[:, sorted(groups[a])].sum(), r[:, sorted(groups[b])].sum())
            gains[a, b] = (total(groups) - total([*rest, groups[a] | groups[b]])) / smaller
        a, b = max(gains, key=lambda pair: gains[pair])
        groups = [g for i, g in enumerate(groups) if i not in (a, b)] + [groups[a] | groups[b]]
    return groups


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("k", [1, 2, 4, 6])
def test_merging_is_greedy_in_the_entropy(seed: int, k: int) -> None:
    r = shares(seed=seed)
    cluster = merge_components(r, k)
    groups = {frozenset(np.flatnonzero(cluster == c)) for c in range(k)}
    assert groups == {frozenset(group) for group in merged_one_by_one(r, k)}


def test_bent_clusters_are_found_where_a_diagonal_mixture_fails() -> None:
    z, origin = make_moons(3000, noise=0.06, random_state=0)
    assert adjusted_rand_score(origin, fit_gmm(z, 2).clusters) < 0.7
    merged = fit_merged(z, 2, n_components=12, seed=3)
    assert adjusted_rand_score(origin, merged.clusters) > 0.99
    assert log(2) * 0.97 < merged.objective <= log(2)
    manifold = fit_manifold(z, 2, seed=3)
    assert adjusted_rand_score(origin, manifold.clusters) > 0.99


@pytest.mark.parametrize("dims", [3, 40])  # by a tree, and by all distances
def test_features_part_codes_that_do_not(dims: int) -> None:
    random = np.random.default_rng(0)
    origin = np.repeat([0, 1, 2], 150)
    codes = random.normal(size=(450, 2))
    features = random.normal(size=(450, dims)) + 12 * np.eye(dims)[origin]
    blind = fit_manifold(codes, 3, seed=0)
    assert adjusted_rand_score(origin, blind.clusters) < 0.2
    manifold = fit_manifold(codes, 3, features=features, seed=0)
    assert adjusted_rand_score(origin, manifold.clusters) == 1
    for cluster, mean in enumerate(manifold.parameters.means):  # in the codes' space
        members = codes[manifold.clusters.numpy() == cluster]
        np.testing.assert_allclose(mean, members.mean(axis=0), atol=1e-6)


@pytest.mark.faults
@pytest.mark.parametrize(
    "call",
    [
        "clustering import fit_manifold as f; f(z, 2, n_epochs=2, n_init=1)",
        "figures import project as f; f(z, 'umap')",
    ],
)
def test_umap_leaves_torch_its_threads(call: str) -> None:
    """In a process of its own: numba raises the number once, when it starts its threads."""
    code = (
        f"import numpy, torch; z = numpy.random.default_rng(0).normal(size=(300, 5)); from latentclust.{call}"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; assert torch.get_num_threads() == 1"],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert done.returncode == 0


@pytest.mark.parametrize("fit", [fit_merged, fit_manifold])
def test_a_seed_fixes_the_partition(fit: object) -> None:
    z, _ = make_moons(400, noise=0.1, random_state=1)
    assert callable(fit)
    first, second = fit(z, 3, seed=4), fit(z, 3, seed=4)
    assert (first.clusters == second.clusters).all()


def test_a_seed_fixes_the_layout_and_another_has_its_own() -> None:
    z, _ = make_moons(200, noise=0.1, random_state=1)
    neighbors = nearest(z, 10)
    first, again, other = (embed(z, neighbors, 2, n_epochs=5, seed=seed) for seed in (4, 4, 5))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)


@pytest.mark.parametrize("seed", range(3))
def test_mutual_information_is_that_of_the_joint_distribution(seed: int) -> None:
    r = shares(seed=seed)
    joint = r / len(r)  # p(n, c), every code as likely
    product = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0)
    assert mutual_information(r) == pytest.approx(rel_entr(joint, product).sum())


def test_mutual_information_of_hard_clusters_is_their_entropy() -> None:
    hard = np.repeat([0, 1, 2], [10, 20, 70])
    assert mutual_information(np.eye(4)[hard]) == pytest.approx(entropy([0.1, 0.2, 0.7]))
    assert mutual_information(np.full((9, 3), 1 / 3)) == pytest.approx(0, abs=1e-12)


def test_a_restart_that_joins_two_blobs_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """One restart has blobs 0 and 1 as one cluster and 2 in halves: the other wins, first or last."""
    random = np.random.default_rng(0)
    origin = np.repeat([0, 1, 2], 100)
    z = random.normal(size=(300, 2)) + np.array([[-9, 0], [0, 9], [9, 0]])[origin]
    joined = np.array([0, 0, 1, 2])

    class Split:
        """Blobs 0 and 1, and blob 2 in two halves that overlap much."""

        converged_ = True

        def predict_proba(self, part: NDArray[np.float64]) -> NDArray[np.float64]:
            distances = ((part[:, None] - np.array([[-9, 0], [0, 9], [8.5, 0], [9.5, 0]])) ** 2).sum(axis=2)
            r: NDArray[np.float64] = np.exp(-distances / 2)
            return r / r.sum(axis=1, keepdims=True)

    monkeypatch.setattr(module, "mixture_of", lambda *args, **options: Split())
    apart = np.array([0, 1, 2, 2])
    for order in ([joined, apart], [apart, joined]):
        restarts = iter(order)
        monkeypatch.setattr(module, "merge_components", lambda *_, restarts=restarts: next(restarts))
        kept = module.fit_merged(z, 3, n_components=4, n_init=2)
        assert adjusted_rand_score(origin, kept.clusters) == 1
