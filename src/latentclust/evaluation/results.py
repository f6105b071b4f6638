"""The result table of a run: clusterings with their scores, and what is said of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from torch import Tensor

from latentclust.evaluation.assignment import contingency, match_clusters
from latentclust.evaluation.metrics import ClusteringScores, clustering_scores
from latentclust.evaluation.unlabeled import UnlabeledScores

Parts = tuple[Tensor, Tensor | None]
"""Clusters of the pool ``(N,)`` and of the test images ``(N_test,)``, which may be missing."""
Labels = tuple[Tensor | None, Tensor | None]
"""Labels of the pool and of the test images, alike."""


@dataclass(frozen=True)
class Result:
    """One clustering and its scores.

    Attributes
    ----------
    method
        What made it, for people.
    clusters
        Of the pool ``(N,)``, int64, on the CPU.
    pool, test
        Scores of the pool and of the test inputs, each matched to the classes by itself; None without labels
        or without test images.
    test_acc_by_pool
        Accuracy of the test inputs when the pool's matching names their clusters: as a classifier.
    test_clusters
        Of the test inputs ``(N_test,)``, int64, on the CPU; None without them.
    unlabeled
        Scores of the pool that need no labels; None if they were not measured.
    """

    method: str
    clusters: Tensor
    pool: ClusteringScores
    test: ClusteringScores | None
    test_acc_by_pool: float | None
    test_clusters: Tensor | None = None
    unlabeled: UnlabeledScores | None = None

    @classmethod
    def of(
        cls, method: str, clusters: Parts, labels: Labels, n_clusters: int, n_classes: int | None
    ) -> "Result":
        """Score a clustering of the pool and the test images.

        Parameters
        ----------
        method
            What made it, for people.
        clusters, labels
            Of the pool and of the test images.
        n_clusters, n_classes
            K, and the number of classes; None for unlabeled images.
        """
        pool, test = (None if part is None else part.cpu() for part in clusters)
        assert pool is not None
        pool_labels, test_labels = labels
        scores = clustering_scores(pool, pool_labels)
        if test is None:
            return cls(method, pool, scores, None, None)
        by_pool = None
        if pool_labels is not None and test_labels is not None:
            classes = match_clusters(contingency(pool, pool_labels, n_clusters, n_classes))
            by_pool = float(np.mean(classes[test.numpy()] == test_labels.numpy()))
        return cls(method, pool, scores, clustering_scores(test, test_labels), by_pool, test)

    def plain(self) -> dict[str, Any]:
        """Return the scores for ``summary.json``."""
        test = None if self.test is None else self.test._asdict() | {"acc_by_pool": self.test_acc_by_pool}
        plain = {"method": self.method, "pool": self.pool._asdict(), "test": test}
        return plain if self.unlabeled is None else plain | {"unlabeled": self.unlabeled._asdict()}


def smallest_expected(n_clusters: int) -> float:
    """Return the share below which a cluster is called small: a tenth of an equal one."""
    return 0.1 / n_clusters


def collapse(own: Result, n_clusters: int) -> str | None:
    """Say what is wrong with VaDE's clusters, as far as that can be told without labels; None if nothing is.

    A cluster without an input is lost, and the mixture has collapsed. One with less than a tenth of an equal
    share of the inputs may be right: it is mentioned.
    """
    share = own.pool.smallest_share
    if own.pool.used < n_clusters:
        return (
            f"the mixture has collapsed: {own.pool.used} of {n_clusters} clusters are in use; try "
            "init=merged, more pretraining, a lower learning rate or model.warmup.hold_epochs"
        )
    if share >= smallest_expected(n_clusters):
        return None
    return (
        f"the smallest cluster has {100 * share:.2f} % of the images: look at its images in the figures; if "
        "they are no group of their own, try fewer clusters or another init"
    )


def print_table(results: list[Result], title: str, console: Console | None = None) -> None:
    """Print the results, shares in percent; without labels, the scores that need none."""
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)
    labeled = any(result.pool.acc is not None for result in results)
    (_labeled_columns if labeled else _unlabeled_columns)(table, results)
    (console or Console()).print(table)


def _labeled_columns(table: Table, results: list[Result]) -> None:
    table.add_column("%", no_wrap=True)
    with_test = any(result.test is not None for result in results)
    scores = ["acc", "nmi", "ari"]
    for part in ["pool", "test"] if with_test else ["pool"]:
        for score in scores:
            table.add_column(f"{part}\n{score.upper()}", justify="right", no_wrap=True)
    table.add_column("used", justify="right")
    for result in results:
        parts = [result.pool, result.test] if with_test else [result.pool]
        cells = [percent(getattr(part, score, None)) for part in parts for score in scores]
        table.add_row(result.method, *cells, str(result.pool.used), style=_style(result, results))


def _unlabeled_columns(table: Table, results: list[Result]) -> None:
    table.add_column("", no_wrap=True)
    confident = any(result.unlabeled and result.unlabeled.confidence is not None for result in results)
    judged = any(result.unlabeled and result.unlabeled.held_out_bound is not None for result in results)
    names = ["silhou-\nette", "Davies-\nBouldin", *["confi-\ndence %"] * confident]
    names += ["held-out\nbound"] * judged
    for name in [*names, "smal-\nlest %", "used"]:
        table.add_column(name, justify="right", no_wrap=True)
    for result in results:
        scores = result.unlabeled or UnlabeledScores(None, None, None, 0.0)
        cells = ["-" if value is None else f"{value:.3f}" for value in scores[:2]]
        cells += [percent(scores.confidence)] * confident
        bound = scores.held_out_bound
        cells += ["-" if bound is None else f"{bound:.2f}"] * judged
        cells += [percent(result.pool.smallest_share), str(result.pool.used)]
        table.add_row(result.method, *cells, style=_style(result, results))


def _style(result: Result, results: list[Result]) -> str | None:
    return "bold green" if result is results[-1] else None


def percent(score: float | None) -> str:
    """Write a share in percent, or a dash."""
    return "-" if score is None else f"{100 * score:.2f}"


def final_metrics(results: list[Result]) -> Mapping[str, float]:
    """Return the scores of the model's own clustering under the names they are logged with."""
    last = results[-1]
    parts = [("cluster", last.pool), ("cluster_test", last.test), ("cluster", last.unlabeled)]
    return {
        f"{name}/{key}": float(value)
        for name, part in parts
        if part is not None
        for key, value in part._asdict().items()
        if value is not None
    }
