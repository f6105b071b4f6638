"""Scores without labels, against scikit-learn, closed forms and toy sets."""

from io import StringIO

import numpy as np
import pytest
import torch
from rich.console import Console
from sklearn.metrics import adjusted_rand_score, davies_bouldin_score, silhouette_score

from latentclust.evaluation.results import Result, final_metrics, print_table
from latentclust.evaluation.unlabeled import SCORED, agreement, sampled, unlabeled_scores

RNG = np.random.default_rng(0)
LABELS = np.repeat(np.arange(3), 40)
POINTS = RNG.normal(size=(120, 4)) + 6 * np.eye(4)[LABELS]


def test_the_scores_are_scikit_learns() -> None:
    scores = unlabeled_scores(POINTS, LABELS)
    assert scores.silhouette == pytest.approx(silhouette_score(POINTS, LABELS))
    assert scores.davies_bouldin == pytest.approx(davies_bouldin_score(POINTS, LABELS))
    assert scores.confidence is None
    assert scores.entropy == pytest.approx(np.log(3))


def test_four_points_on_a_line_have_the_silhouette_of_the_formula() -> None:
    # Clusters {0, 1} and {10, 11}: a = 1; b = 10.5 at the ends and 9.5 inside.
    scores = unlabeled_scores(np.array([[0.0], [1.0], [10.0], [11.0]]), np.array([0, 0, 1, 1]))
    assert scores.silhouette == pytest.approx(np.mean([1 - 1 / 10.5, 1 - 1 / 9.5]))
    # Each cluster is 0.5 wide, and their means are 10 apart.
    assert scores.davies_bouldin == pytest.approx(0.1)


@pytest.mark.parametrize("clusters", [np.zeros(5, dtype=int), np.arange(5)])
def test_one_cluster_or_one_for_each_has_no_silhouette(clusters: np.ndarray) -> None:
    scores = unlabeled_scores(POINTS[:5], clusters)
    assert (scores.silhouette, scores.davies_bouldin) == (None, None)
    assert scores.entropy == pytest.approx(np.log(len(np.unique(clusters))))


def test_shares_are_those_of_all_and_the_confidence_is_a_mean() -> None:
    of_all = np.array([0] * 90 + [1] * 10)
    scores = unlabeled_scores(POINTS, LABELS, of_all=of_all, confidence=np.full(120, 0.75))
    assert scores.confidence == pytest.approx(0.75)
    assert scores.entropy == pytest.approx(-0.9 * np.log(0.9) - 0.1 * np.log(0.1))


def test_a_sample_is_the_same_in_every_run_and_bounded() -> None:
    assert len(sampled(70_000)) == SCORED
    assert np.array_equal(sampled(70_000), sampled(70_000))
    assert np.array_equal(sampled(7), np.arange(7))


def test_agreement_is_the_adjusted_rand_index_of_two_partitions() -> None:
    a, b = RNG.integers(4, size=500), RNG.integers(4, size=500)
    assert agreement(a, b) == pytest.approx(adjusted_rand_score(a, b))
    assert agreement(a, 7 - a) == 1
    with pytest.raises(ValueError, match="one label per cluster"):
        agreement(a, b[:3])


def result(labels: np.ndarray | None) -> Result:
    clusters = torch.from_numpy(LABELS)
    known = None if labels is None else torch.from_numpy(labels)
    made = Result.of("VaDE", (clusters, None), (known, None), 3, None if known is None else 3)
    return Result(
        **vars(made) | {"unlabeled": unlabeled_scores(POINTS, LABELS, confidence=np.full(120, 0.9))}
    )


def printed(results: list[Result]) -> str:
    file = StringIO()
    print_table(results, "title", Console(file=file, width=80))
    return file.getvalue()


def test_without_labels_the_table_has_the_scores_that_need_none() -> None:
    text = printed([result(None)])
    assert f"{silhouette_score(POINTS, LABELS):.3f}" in text
    assert "90.00" in text
    assert "33.33" in text
    assert "ACC" not in text
    assert "nan" not in text
    assert " - " not in text


def test_with_labels_the_table_is_of_labels_alone() -> None:
    text = printed([result(LABELS)])
    assert "ACC" in text
    assert "silhou" not in text


def test_they_are_metrics_for_a_sweeper() -> None:
    metrics = final_metrics([result(None)])
    assert metrics["cluster/silhouette"] == pytest.approx(silhouette_score(POINTS, LABELS))
    assert {"cluster/davies_bouldin", "cluster/confidence", "cluster/entropy"} <= set(metrics)
    assert "cluster/acc" not in metrics
