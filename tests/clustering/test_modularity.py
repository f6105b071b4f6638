"""Modularity against its definition, pair by pair, and against graphs whose value is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array
from sklearn.datasets import make_blobs

from latentclust.clustering import Neighbors, fit_manifold, nearest
from latentclust.clustering.manifold import neighbors_needed
from latentclust.clustering.modularity import graph_of, modularity


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


@given(st.integers(2, 12), st.integers(1, 4), st.integers(0, 1000))
def test_it_is_the_sum_over_pairs(n: int, k: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    edges = np.triu(random.random((n, n)) < 0.4, 1).astype(float)
    edges += edges.T
    clusters = random.integers(0, k, n)
    expected = by_pairs(clusters, edges) if edges.any() else 0.0
    assert modularity(clusters, csr_array(edges)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("k", [2, 3, 7])
def test_separate_cliques_have_one_less_their_share(k: int) -> None:
    edges = np.kron(np.eye(k), np.ones((4, 4))) - np.eye(4 * k)
    cliques = np.repeat(np.arange(k), 4)
    assert modularity(cliques, csr_array(edges)) == pytest.approx(1 - 1 / k)
    assert modularity(np.zeros(4 * k, int), csr_array(edges)) == pytest.approx(0)


def test_the_graph_has_an_edge_where_either_is_a_neighbor() -> None:
    graph = graph_of(Neighbors(np.array([[0, 1], [1, 2], [2, 1]]), np.zeros((3, 2), np.float32)))
    np.testing.assert_array_equal(graph.toarray(), [[0, 1, 0], [1, 0, 1], [0, 1, 0]])


def test_the_start_keeps_the_layout_that_fits_the_graph_best() -> None:
    z, _ = make_blobs([40, 60, 400, 500], 5, cluster_std=1.5, random_state=1)
    near, graph = nearest(z, 20), graph_of(nearest(z, 10))
    several = fit_manifold(z, 4, among_images=near, n_neighbors=10, n_layouts=3, n_epochs=20)
    alone = []
    for seed, width in enumerate((10, 20, 10)):
        wide = Neighbors(near.indices[:, :width], near.distances[:, :width])
        start = fit_manifold(z, 4, among_images=wide, n_neighbors=width, n_epochs=20, seed=seed)
        alone.append(modularity(start.clusters.numpy(), graph))
    assert several.objective == pytest.approx(modularity(several.clusters.numpy(), graph))
    assert several.objective == pytest.approx(max(alone))


def test_every_second_layout_has_twice_as_many_neighbors() -> None:
    wanted = [neighbors_needed(15, *sizes) for sizes in ((1, 1000), (2, 1000), (4, 1000), (4, 20))]
    assert wanted == [15, 30, 30, 19]
