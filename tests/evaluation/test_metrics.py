import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from torch import Tensor

from latentclust.evaluation import (
    AdjustedRandIndex,
    ClusteringAccuracy,
    NormalizedMutualInformation,
    cluster_accuracy,
    clustering_metrics,
    clustering_scores,
)

from .test_assignment import clusterings

Ints = NDArray[np.int64]


def entropy(*columns: Ints) -> float:
    """Of the joint distribution of columns (N,), in nats."""
    shares = np.unique(np.stack(columns), axis=1, return_counts=True)[1] / len(columns[0])
    return float(-(shares * np.log(shares)).sum())


def mutual_information(clusters: Ints, labels: Ints) -> float:
    """2 I / (H + H), by its definition; 1 where both entropies are 0."""
    entropies = entropy(clusters) + entropy(labels)
    return 2 * (entropies - entropy(clusters, labels)) / entropies if entropies > 0 else 1.0


def rand_index(clusters: Ints, labels: Ints) -> float:
    """The adjusted index of Hubert and Arabie 1985, in Python's integers; 1 where all is certain."""

    def pairs(*columns: Ints) -> int:
        sizes = np.unique(np.stack(columns), axis=1, return_counts=True)[1].tolist()
        return sum(size * (size - 1) // 2 for size in sizes)

    in_both, in_cluster, in_class = pairs(clusters, labels), pairs(clusters), pairs(labels)
    every_pair = len(labels) * (len(labels) - 1) // 2
    expected = in_cluster * in_class / max(every_pair, 1)
    highest = (in_cluster + in_class) / 2
    return 1.0 if highest == expected else (in_both - expected) / (highest - expected)


@given(clusterings())
@example((np.array([0]), np.array([0])))
@example((np.zeros(5, int), np.zeros(5, int)))
@example((np.zeros(5, int), np.arange(5)))
@example((np.arange(5), np.arange(5)))
@settings(deadline=None)
def test_scores_are_their_definitions(case: tuple[Ints, Ints]) -> None:
    clusters, labels = case
    scores = clustering_scores(clusters, labels)
    assert scores.acc == cluster_accuracy(clusters, labels)
    assert scores.nmi == pytest.approx(mutual_information(clusters, labels), abs=1e-12)
    assert scores.ari == pytest.approx(rand_index(clusters, labels), abs=1e-12)
    members = np.unique(clusters, return_counts=True)[1]
    assert scores.used == len(members)
    assert scores.smallest_share == pytest.approx(min(members) / len(labels))


@pytest.mark.parametrize("n_classes", [2, 10])
def test_pair_counts_of_seventy_thousand_images_do_not_overflow(n_classes: int) -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(n_classes, size=70_000)
    clusters = np.where(rng.random(70_000) < 0.9, labels, rng.integers(n_classes, size=70_000))
    clusters[clusters == n_classes - 1] = 0
    scores = clustering_scores(torch.from_numpy(clusters), torch.from_numpy(labels))
    assert scores.nmi == pytest.approx(mutual_information(clusters, labels))
    assert scores.ari == pytest.approx(rand_index(clusters, labels))


def batches() -> list[tuple[Tensor, Tensor]]:
    draw = torch.Generator().manual_seed(0)
    return [
        (torch.randint(4, (n,), generator=draw), torch.randint(3, (n,), generator=draw).to(torch.uint8))
        for n in (7, 1, 12)
    ]


METRICS = {"acc": ClusteringAccuracy, "nmi": NormalizedMutualInformation, "ari": AdjustedRandIndex}


@pytest.mark.parametrize("score", METRICS)
def test_a_metric_accumulates_over_batches(score: str) -> None:
    metric = METRICS[score](n_clusters=5, n_classes=3)
    for clusters, labels in batches():
        metric.update(clusters, labels)
    everything = [torch.cat(parts) for parts in zip(*batches(), strict=True)]
    assert metric.compute().item() == pytest.approx(getattr(clustering_scores(*everything), score), abs=1e-12)
    metric.reset()
    metric.update(torch.tensor([3, 3, 1]), torch.tensor([0, 0, 2]))
    assert metric.compute() == 1.0


def test_the_collection_has_every_score_and_one_table() -> None:
    metrics = clustering_metrics(5, 3)
    for clusters, labels in batches():
        metrics.update(clusters, labels)
    everything = [torch.cat(parts) for parts in zip(*batches(), strict=True)]
    expected = clustering_scores(*everything)._asdict()
    assert {name: value.item() for name, value in metrics.compute().items()} == pytest.approx(
        expected, abs=1e-12
    )
    assert len(metrics.compute_groups) == 1


def test_the_collection_of_unlabeled_clusters_has_their_use_alone() -> None:
    metrics = clustering_metrics(5, None)
    metrics.update(torch.tensor([4, 4, 4, 1]), torch.zeros(4, dtype=torch.long))
    assert {name: value.item() for name, value in metrics.compute().items()} == {
        "used": 2,
        "smallest_share": 0.25,
    }


def rank_of_two(rank: int, rendezvous: str, results: str) -> None:
    """One of two processes, each with a half of the images."""
    torch.distributed.init_process_group("gloo", f"file://{rendezvous}", rank=rank, world_size=2)
    metrics = clustering_metrics(5, 3)
    for clusters, labels in batches()[rank::2]:
        metrics.update(clusters, labels)
    scores = {name: value.item() for name, value in metrics.compute().items()}
    Path(f"{results}{rank}").write_text(json.dumps(scores))
    torch.distributed.destroy_process_group()


@pytest.mark.long
def test_metrics_count_every_image_once_over_two_processes(tmp_path: Path) -> None:
    torch.multiprocessing.spawn(rank_of_two, (f"{tmp_path}/rendezvous", f"{tmp_path}/scores"), nprocs=2)
    everything = [torch.cat(parts) for parts in zip(*batches(), strict=True)]
    expected = clustering_scores(*everything)._asdict()
    for rank in range(2):
        assert json.loads((tmp_path / f"scores{rank}").read_text()) == pytest.approx(expected, abs=1e-12)


def test_a_metric_refuses_what_it_cannot_count() -> None:
    metric = ClusteringAccuracy(n_clusters=2, n_classes=3)
    with pytest.raises(ValueError, match="outside 0 to 2"):
        metric.update(torch.tensor([0, 1]), torch.tensor([0, 3]))


@given(clusterings())
@example((np.zeros(5, int), np.arange(5)))
@settings(deadline=None)
def test_scores_agree_with_scikit_learn(case: tuple[Ints, Ints]) -> None:
    clusters, labels = case
    scores = clustering_scores(clusters, labels)
    assert scores.nmi == pytest.approx(normalized_mutual_info_score(labels, clusters), abs=1e-12)
    assert scores.ari == pytest.approx(adjusted_rand_score(labels, clusters), abs=1e-12)


def test_unlabeled_clusters_have_their_use_alone() -> None:
    scores = clustering_scores(torch.tensor([4, 4, 4, 1]), None)
    assert scores == (None, None, None, 2, 0.25)


class OnAnotherDevice(Tensor):
    """Like a tensor on a GPU, it must be copied before NumPy can read it."""

    def __array__(self, *arguments: object) -> Ints:
        raise TypeError("can't convert device tensor to numpy")

    def cpu(self) -> Tensor:  # type: ignore[override]
        return self.as_subclass(Tensor)


def test_scores_take_tensors_from_another_device() -> None:
    clusters, labels = torch.tensor([0, 0, 1, 2]), torch.tensor([1, 1, 0, 0])
    away = (clusters.as_subclass(OnAnotherDevice), labels.as_subclass(OnAnotherDevice))
    assert clustering_scores(*away) == clustering_scores(clusters, labels)
