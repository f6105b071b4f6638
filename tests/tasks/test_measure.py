"""What is said of a clustering."""

import pytest
import torch

from latentclust.evaluation import clustering_scores
from latentclust.tasks.measure import Result, collapse


def result(sizes: list[int]) -> Result:
    clusters = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    return Result("VaDE", clusters, clustering_scores(clusters, None), None, None)


@pytest.mark.parametrize("sizes", [[25, 25, 25, 25], [91, 3, 3, 3]])
def test_clusters_of_any_real_size_are_no_collapse(sizes: list[int]) -> None:
    assert collapse(result(sizes), 4) is None


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        ([50, 50, 0, 0], "2 of 4 clusters are in use, the smallest with 50.00 %"),
        ([98, 50, 50, 2], "4 of 4 clusters are in use, the smallest with 1.00 %"),
    ],
)
def test_lost_clusters_are_named_with_what_to_try(sizes: list[int], words: str) -> None:
    message = collapse(result(sizes), 4)
    assert message is not None
    assert words in message
    assert "init=merged" in message
