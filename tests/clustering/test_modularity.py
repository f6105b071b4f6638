"""Modularity and united parts against their definitions, and graphs whose values are known."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array
from sklearn.datasets import make_blobs
from sklearn.metrics import normalized_mutual_info_score

from latentclust.clustering import Neighbors, fit_manifold, manifold, nearest
from latentclust.clustering.manifold import (
    CLEARLY,
    EVEN,
    NEARLY,
    Parted,
    best_partition,
    layout_seeds,
    neighbors_needed,
)
from latentclust.clustering.modularity import edge_information, evenness, graph_of, merge_parts, modularity
from latentclust.clustering.scikit import mixture_of


def by_pairs(clusters: np.ndarray, edges: np.ndarray) -> float:
    """Newman (2006, PNAS 103, 8577), eq. 1: all pairs of points."""
    degrees, ends = edges.sum(axis=1), edges.sum()
    pairs = [
        edges[i, j] - degrees[i] * degrees[j] / ends
        for i in range(len(edges))
        for j in range(len(edges))
        if clusters[i] == clusters[j]
    ]
    return sum(pairs) / ends


def random_graph(n: int, k: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return edges ``(N, N)`` and clusters ``(N,)``."""
    random = np.random.default_rng(seed)
    edges = np.triu(random.random((n, n)) < 0.4, 1).astype(float)
    edges += edges.T
    return edges, random.integers(0, k, n)


@given(st.integers(2, 12), st.integers(1, 4), st.integers(0, 1000))
def test_it_is_the_sum_over_pairs(n: int, k: int, seed: int) -> None:
    edges, clusters = random_graph(n, k, seed)
    expected = by_pairs(clusters, edges) if edges.any() else 0.0
    assert modularity(clusters, csr_array(edges)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("k", [2, 3, 7])
def test_separate_cliques_have_one_less_their_share(k: int) -> None:
    edges = np.kron(np.eye(k), np.ones((4, 4))) - np.eye(4 * k)
    cliques = np.repeat(np.arange(k), 4)
    assert modularity(cliques, csr_array(edges)) == pytest.approx(1 - 1 / k)
    assert modularity(np.zeros(4 * k, int), csr_array(edges)) == pytest.approx(0)


@given(st.integers(2, 12), st.integers(1, 4), st.integers(0, 1000))
def test_what_a_neighbor_tells_is_the_information_of_the_edges_ends(n: int, k: int, seed: int) -> None:
    edges, clusters = random_graph(n, k, seed)
    ones, others = np.nonzero(edges)
    several = len(np.unique(clusters[ones])) > 1  # scikit-learn calls two single clusters alike
    expected = normalized_mutual_info_score(clusters[ones], clusters[others]) if several else 0.0
    assert edge_information(clusters, csr_array(edges)) == pytest.approx(expected, abs=1e-12)


@given(st.integers(2, 14), st.integers(2, 7), st.integers(1, 4), st.integers(0, 1000))
def test_every_union_is_the_one_with_the_highest_modularity(n: int, k: int, left: int, seed: int) -> None:
    edges, parts = random_graph(n, k, seed)
    graph = csr_array(edges)
    while len(labels := np.unique(parts)) > left:
        unions = [np.where(parts == one, other, parts) for one in labels for other in labels if one > other]
        values = [modularity(union, graph) for union in unions]
        fewer = merge_parts(parts, len(labels) - 1, graph)
        assert modularity(fewer, graph) == pytest.approx(max(values), abs=1e-12)
        assert len(np.unique(fewer)) == len(labels) - 1
        assert all(len(np.unique(fewer[parts == label])) == 1 for label in labels)
        # several unions in one call are these unions one by one
        assert modularity(merge_parts(parts, left, graph), graph) == pytest.approx(
            modularity(merge_parts(fewer, left, graph), graph), abs=1e-12
        )
        parts = fewer


def test_few_parts_stay_as_they_are() -> None:
    graph = csr_array(np.ones((4, 4)) - np.eye(4))
    np.testing.assert_array_equal(merge_parts(np.array([3, 0, 3, 5]), 4, graph), [1, 0, 1, 2])


def test_united_parts_have_to_be_clearly_better() -> None:
    def partition(modularity: float) -> Parted:
        return fitting(modularity, 0.9)

    plain = [partition(0.7), partition(0.8)]
    alike, better = partition(0.8 + 0.9 * CLEARLY), partition(0.8 + 1.1 * CLEARLY)
    assert best_partition(plain, []) is plain[1]
    assert best_partition(plain, [partition(0.75), alike]) is plain[1]
    assert best_partition(plain, [alike, better, partition(0.6)]) is better


def fitting(modularity: float, information: float, evenness: float = 0.9) -> Parted:
    return Parted(np.zeros(1, np.int64), modularity, information, evenness, converged=True)


def test_what_a_neighbor_tells_counts_twice_as_much_as_modularity() -> None:
    one, other = fitting(0.80, 0.90), fitting(0.83, 0.886)
    assert best_partition([one, other], []) is other
    assert best_partition([one, fitting(0.83, 0.884)], []) is one


def test_modularity_decides_alone_where_some_clusters_are_of_equal_size() -> None:
    uneven, even = fitting(0.8, 0.9), fitting(0.81, 0.8, EVEN)
    assert best_partition([uneven, even], []) is even
    assert best_partition([uneven], [even]) is even
    assert best_partition([uneven, fitting(0.81, 0.8)], []) is uneven


def test_by_united_parts_a_neighbor_has_to_tell_nearly_as_much() -> None:
    plain = fitting(0.8, 0.9)
    near, far = fitting(0.83, 0.9 - 0.9 * NEARLY), fitting(0.83, 0.9 - 1.1 * NEARLY)
    assert best_partition([plain], [near]) is near
    assert best_partition([plain], [far]) is plain


def test_a_large_group_is_not_cut_for_the_sake_of_equal_sizes() -> None:
    # of four small groups two are near each other
    centers = [[0, 0], [14, 0], [0, 14], [-14, 0], [-10, 0]]
    z, labels = make_blobs([400, 100, 100, 100, 100], 2, centers=centers, random_state=0)
    graph = graph_of(nearest(z, 15))
    halves = np.where(labels == 0, np.where(z[:, 1] > 0, 0, 4), np.minimum(labels, 3))
    ways = [
        Parted(one, modularity(one, graph), edge_information(one, graph), evenness(one, 5), converged=True)
        for one in (halves, labels)
    ]
    assert ways[0].modularity > ways[1].modularity + CLEARLY
    assert best_partition(ways, []) is ways[1]


@pytest.mark.parametrize(
    ("sizes", "expected"), [([5, 5, 5], 1), ([15, 0, 0], 0), ([8, 8, 0], np.log(2) / np.log(3)), ([7], 1)]
)
def test_evenness_is_the_entropy_of_the_shares(sizes: list[int], expected: float) -> None:
    clusters = np.repeat(np.arange(len(sizes)), sizes)
    assert evenness(clusters, len(sizes)) == pytest.approx(expected)


def test_the_start_takes_united_parts_that_fit_the_graph_better() -> None:
    # two long groups, which two Gaussians cut across, and two round ones
    z, _ = make_blobs([300, 300, 150, 150], 4, cluster_std=0.4, center_box=(-5, 5), random_state=3)
    z[:600, 0] *= 8
    near = nearest(z, 15)
    graph, given = graph_of(near), {"among_images": near, "n_neighbors": 15, "n_epochs": 50, "seed": 1}
    plain = fit_manifold(z, 4, **given)  # type: ignore[arg-type]
    for share in (1.5, 3.0):
        both = fit_manifold(z, 4, components_per_cluster=share, **given)  # type: ignore[arg-type]
        assert both.objective == pytest.approx(modularity(both.clusters.numpy(), graph))
        assert len(both.clusters.unique()) == 4
        assert both.objective is not None
        assert plain.objective is not None
        assert both.objective > plain.objective + CLEARLY


def test_few_codes_are_not_parted_by_more_gaussians() -> None:
    z, _ = make_blobs([90, 90, 40, 40], 4, cluster_std=0.4, center_box=(-5, 5), random_state=3)
    z[:180, 0] *= 8
    starts = [fit_manifold(z, 3, n_epochs=50, components_per_cluster=share, seed=1) for share in (1.0, 3.0)]
    assert (starts[0].clusters == starts[1].clusters).all()


def test_the_graph_has_an_edge_where_either_is_a_neighbor() -> None:
    graph = graph_of(Neighbors(np.array([[0, 1], [1, 2], [2, 1]]), np.zeros((3, 2), np.float32)))
    np.testing.assert_array_equal(graph.toarray(), [[0, 1, 0], [1, 0, 1], [0, 1, 0]])


def test_the_start_keeps_the_layout_that_fits_the_graph_best() -> None:
    z, _ = make_blobs([40, 60, 400, 500], 5, cluster_std=1.5, random_state=1)
    near, graph = nearest(z, 20), graph_of(nearest(z, 10))
    several = fit_manifold(z, 4, among_images=near, n_neighbors=10, n_layouts=3, n_epochs=20)
    alone = []
    for seed, width in zip(layout_seeds(0, 3), (10, 20, 10), strict=True):
        wide = Neighbors(near.indices[:, :width], near.distances[:, :width])
        start = fit_manifold(z, 4, among_images=wide, n_neighbors=width, n_epochs=20, seed=seed)
        alone.append(modularity(start.clusters.numpy(), graph))
    assert several.objective == pytest.approx(modularity(several.clusters.numpy(), graph))
    assert several.objective == pytest.approx(max(alone))


def test_every_second_layout_has_twice_as_many_neighbors() -> None:
    wanted = [neighbors_needed(15, *sizes) for sizes in ((1, 1000), (2, 1000), (4, 1000), (4, 20))]
    assert wanted == [15, 30, 30, 19]


def test_seeds_share_no_layout() -> None:
    seeds = [layout_seeds(seed, 4) for seed in range(5)]
    assert [first for first, *_ in seeds] == [0, 1, 2, 3, 4]  # a single layout has the run's own seed
    assert len({one for own in seeds for one in own}) == 20
    assert all(0 <= one < 2**32 for own in seeds for one in own)
    assert layout_seeds(3, 2) == seeds[3][:2]


def test_every_layout_and_its_mixture_have_a_seed_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[tuple[str, int]] = []

    def embed(points: np.ndarray, near: Neighbors, dims: int, n_epochs: int, seed: int) -> np.ndarray:
        used.append(("layout", seed))
        return points

    def mixture(points: np.ndarray, n: int, covariance: str, *, seed: int, **options: Any) -> Any:
        used.append(("mixture", seed))
        return mixture_of(points, n, covariance, seed=seed, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(manifold, "embed", embed)
    monkeypatch.setattr(manifold, "mixture_of", mixture)
    fit_manifold(np.random.default_rng(0).normal(size=(60, 3)), 2, n_layouts=3, n_init=1, seed=7)
    seeds = layout_seeds(7, 3)
    assert sorted(used) == sorted((what, seed) for what in ("layout", "mixture") for seed in seeds)
