"""What is said of a clustering."""

import pytest
import torch

from latentclust.evaluation import clustering_scores
from latentclust.evaluation.results import Result, collapse


def result(sizes: list[int]) -> Result:
    clusters = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    return Result("VaDE", clusters, clustering_scores(clusters, None), None, None)


@pytest.mark.parametrize("sizes", [[25, 25, 25, 25], [91, 3, 3, 3]])
def test_clusters_of_any_real_size_are_no_collapse(sizes: list[int]) -> None:
    assert collapse(result(sizes), 4) is None


def test_lost_clusters_are_named_with_what_to_try() -> None:
    message = collapse(result([50, 50, 0, 0]), 4)
    assert message is not None
    assert "has collapsed: 2 of 4 clusters are in use" in message
    assert "init=merged" in message


@pytest.mark.parametrize(
    ("sizes", "words"), [([98, 50, 50, 2], "has 1.00 % of the images"), ([981, 9, 10], "has 0.90 %")]
)
def test_a_small_cluster_is_no_collapse(sizes: list[int], words: str) -> None:
    message = collapse(result(sizes), len(sizes))
    assert message is not None
    assert message.startswith("the smallest cluster has ")
    assert words in message
    assert "collapsed" not in message
