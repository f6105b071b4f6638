from itertools import permutations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from sklearn.metrics.cluster import contingency_matrix

from latentclust.evaluation import cluster_accuracy, contingency, match_clusters
from latentclust.evaluation.assignment import matched_share

Ints = NDArray[np.int64]


@st.composite
def clusterings(draw: st.DrawFn) -> tuple[Ints, Ints]:
    """Clusters and labels of up to 30 images, at most 6 of each, some of them absent."""
    n = draw(st.integers(1, 30))
    clusters, labels = (
        draw(arrays(np.int64, n, elements=st.integers(0, draw(st.integers(0, 5))))) for _ in range(2)
    )
    return clusters, labels


def brute_force_accuracy(clusters: Ints, labels: Ints) -> float:
    """The best accuracy over every renaming of 6 clusters to 6 classes."""
    renamings = np.array(list(permutations(range(6))))
    return float((renamings[:, clusters] == labels).mean(axis=1).max())


@given(clusterings())
@settings(deadline=None)
def test_accuracy_is_the_best_over_all_permutations(case: tuple[Ints, Ints]) -> None:
    assert cluster_accuracy(*case) == pytest.approx(brute_force_accuracy(*case))


@given(clusterings(), st.permutations(range(6)), st.permutations(range(6)))
@settings(deadline=None)
def test_accuracy_does_not_depend_on_names(
    case: tuple[Ints, Ints], rows: list[int], columns: list[int]
) -> None:
    clusters, labels = case
    renamed = 100 * np.array(rows)[clusters] - 7, np.array(columns)[labels] * 10**12
    assert cluster_accuracy(*renamed) == cluster_accuracy(clusters, labels)


@given(clusterings(), st.permutations(range(6)))
@settings(deadline=None)
def test_a_renamed_truth_is_perfect(case: tuple[Ints, Ints], names: list[int]) -> None:
    _, labels = case
    assert cluster_accuracy(np.array(names)[labels], labels) == 1.0


@given(clusterings())
@settings(deadline=None)
def test_accuracy_reaches_the_largest_class_and_more_than_chance(case: tuple[Ints, Ints]) -> None:
    clusters, labels = case
    cell = contingency(clusters, labels).max() / len(labels)
    assert cell <= cluster_accuracy(clusters, labels) <= 1
    assert cluster_accuracy(np.zeros_like(labels), labels) == np.bincount(labels).max() / len(labels)


@pytest.mark.parametrize(
    ("clusters", "labels", "expected"),
    [
        ([0, 0, 1, 1, 2, 3], [0, 0, 1, 1, 1, 1], 4 / 6),  # K > classes: the rest is wrong
        ([0, 0, 0, 0, 1, 1], [0, 0, 1, 2, 3, 3], 4 / 6),  # K < classes
        ([5, 5, -2, -2], [30, 30, 10, 10], 1.0),
        # A greedy match takes the 4 first and ends with 4 + 0; the best is 3 + 3.
        ([0] * 7 + [1] * 3, [0] * 4 + [1] * 3 + [0] * 3, 6 / 10),
    ],
)
def test_accuracy_of_small_cases(clusters: list[int], labels: list[int], expected: float) -> None:
    assert cluster_accuracy(np.array(clusters), np.array(labels)) == pytest.approx(expected)


@given(clusterings())
@settings(deadline=None)
def test_contingency_is_scikit_learns(case: tuple[Ints, Ints]) -> None:
    clusters, labels = case
    np.testing.assert_array_equal(contingency(clusters, labels), contingency_matrix(clusters, labels))
    padded = contingency(clusters, labels, n_clusters=7, n_classes=8)
    assert padded.shape == (7, 8)
    for k in range(7):
        for c in range(8):
            assert padded[k, c] == ((clusters == k) & (labels == c)).sum()


def test_tensors_and_small_dtypes_count_alike() -> None:
    clusters, labels = np.array([0, 1, 1, 200]), np.array([1, 0, 0, 2])
    expected = contingency(clusters, labels, 256, 3)
    small = contingency(torch.tensor(clusters, dtype=torch.uint8), labels.astype(np.uint8), 256, 3)
    np.testing.assert_array_equal(small, expected)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([[0, 9], [8, 1], [3, 0]], [1, 0, -1]),
        ([[2, 0, 5], [0, 0, 4]], [0, 2]),
        ([[4, 3], [3, 0]], [1, 0]),
        ([[2]], [0]),
    ],
)
def test_match_clusters(counts: list[list[int]], expected: list[int]) -> None:
    np.testing.assert_array_equal(match_clusters(np.array(counts)), expected)


@given(arrays(np.int64, st.tuples(st.integers(1, 6), st.integers(1, 6)), elements=st.integers(0, 20)))
@settings(deadline=None)
def test_match_is_one_to_one_and_attains_the_accuracy(counts: Ints) -> None:
    classes = match_clusters(counts)
    matched = classes[classes >= 0]
    assert len(set(matched)) == len(matched) == min(counts.shape)
    if counts.any():
        agreeing = sum(counts[cluster, c] for cluster, c in enumerate(classes) if c >= 0)
        assert matched_share(counts) == pytest.approx(agreeing / counts.sum())


@pytest.mark.parametrize(
    ("clusters", "labels", "message"),
    [
        (np.array([], int), np.array([], int), "at least one"),
        (np.array([1, 2]), np.array([1]), "one label per cluster"),
        (np.array([0.0, 1.0]), np.array([0, 1]), "whole numbers"),
        (np.array([[0], [1]]), np.array([[0], [1]]), "whole numbers"),
    ],
)
def test_impossible_input_is_refused(clusters: Ints, labels: Ints, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cluster_accuracy(clusters, labels)


@pytest.mark.parametrize("clusters", [[0, 3], [0, -1]])
def test_values_outside_a_given_count_are_refused(clusters: list[int]) -> None:
    with pytest.raises(ValueError, match="outside 0 to 2"):
        contingency(np.array(clusters), np.array([0, 1]), n_clusters=3)


def test_no_images_have_no_share() -> None:
    with pytest.raises(ValueError, match="no images"):
        matched_share(np.zeros((2, 2), int))
