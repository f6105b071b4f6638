"""A tree of clusters against closed forms and toy sets."""

import itertools

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from latentclust.clustering.dendrogram import bhattacharyya, cut, gaussians_of, tree_of


def test_the_distance_of_gaussians_is_the_formulas() -> None:
    means = np.array([[0.0], [2.0], [0.0]])
    covariances = np.array([[[1.0]], [[1.0]], [[4.0]]])
    found = bhattacharyya(means, covariances)
    assert found[0, 1] == pytest.approx(2**2 / 8)  # of equal widths: distance squared over 8
    assert found[0, 2] == pytest.approx(0.5 * np.log(2.5 / 2))  # of equal means: the widths alone
    assert np.array_equal(found, found.T)
    assert np.diag(found) == pytest.approx(0)


def test_it_is_minus_the_logarithm_of_the_overlap() -> None:
    x = np.linspace(-20, 20, 20001)
    p, q = (np.exp(-0.5 * ((x - m) / s) ** 2) / (s * np.sqrt(2 * np.pi)) for m, s in ((0, 1), (1.5, 2)))
    overlap = (np.sqrt(p * q)).sum() * (x[1] - x[0])
    found = bhattacharyya(np.array([[0.0], [1.5]]), np.array([[[1.0]], [[4.0]]]))
    assert found[0, 1] == pytest.approx(-np.log(overlap))


def test_the_gaussians_are_those_of_the_members() -> None:
    rng = np.random.default_rng(0)
    codes = np.concatenate([rng.normal(size=(4000, 2)) * [1, 3], 10 + rng.normal(size=(4000, 2))])
    used, means, covariances = gaussians_of(codes, np.repeat([1, 4], 4000))
    assert used.tolist() == [1, 4]
    assert means == pytest.approx(np.array([[0, 0], [10, 10]]), abs=0.15)
    assert covariances[0] == pytest.approx(np.diag([1, 9]), abs=0.5)


def test_pieces_of_a_group_merge_before_groups_do() -> None:
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(3), 300)
    codes = rng.normal(size=(900, 2)) + 12 * np.array([[0, 0], [1, 0], [0, 1]])[groups]
    pieces = 5 * groups + rng.integers(3, size=900)
    leaves, tree = tree_of(codes, pieces)
    assert len(leaves) == 9
    into = cut(tree, 3)
    assert adjusted_rand_score(into[np.searchsorted(leaves, pieces)], groups) == 1


def test_every_cut_has_its_number_and_contains_the_finer_one() -> None:
    rng = np.random.default_rng(1)
    _, tree = tree_of(rng.normal(size=(200, 3)), rng.integers(12, size=200))
    cuts = [cut(tree, k) for k in range(1, 13)]
    assert [len(np.unique(into)) for into in cuts] == list(range(1, 13))
    for coarse, fine in itertools.pairwise(cuts):
        assert len(np.unique(np.column_stack([coarse, fine]), axis=0)) == len(np.unique(fine))


def test_merges_at_one_height_are_cut_apart() -> None:
    # Four equal clusters: all distances are 0.
    tree = np.array([[0, 1, 0, 2], [2, 3, 0, 2], [4, 5, 0, 4.0]])
    assert [len(np.unique(cut(tree, k))) for k in (1, 2, 3, 4)] == [1, 2, 3, 4]


def test_one_cluster_has_no_tree() -> None:
    leaves, tree = tree_of(np.random.default_rng(0).normal(size=(20, 2)), np.full(20, 7))
    assert leaves.tolist() == [7]
    assert len(tree) == 0
    assert cut(tree, 1).tolist() == [0]
