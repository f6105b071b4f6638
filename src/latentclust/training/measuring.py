"""Where labels meet predictions: the result table of a run."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from omegaconf import DictConfig
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from torch import Tensor

from latentclust import progress
from latentclust.data import ImageDataModule
from latentclust.data.batches import to_unit_interval
from latentclust.evaluation import ClusteringScores, clustering_scores, contingency, match_clusters
from latentclust.evaluation.baselines import cluster_codes, cluster_pixels
from latentclust.models import AE, Clusters, LatentModel
from latentclust.training.inference import CHUNK, evaluating, over_pool_and_test

log = logging.getLogger(__name__)

CODE_NAMES = {"kmeans": "k-means on {} latents", "gmm": "GMM on {} latents"}
RESTARTS = 5


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
        Scores of the pool and of the test images, each matched to the classes by itself; None without labels
        or without test images.
    test_acc_by_pool
        Accuracy of the test images when the pool's matching names their clusters: as a classifier.
    test_clusters
        Of the test images ``(N_test,)``, int64, on the CPU; None without them.
    """

    method: str
    clusters: Tensor
    pool: ClusteringScores
    test: ClusteringScores | None
    test_acc_by_pool: float | None
    test_clusters: Tensor | None = None

    @classmethod
    def of(
        cls, method: str, clusters: tuple[Tensor, Tensor | None], data: ImageDataModule, k: int
    ) -> "Result":
        """Score a clustering of the pool and the test images into ``k`` clusters."""
        pool, test = (None if part is None else part.cpu() for part in clusters)
        assert pool is not None
        scores = clustering_scores(pool, data.pool.labels)
        if test is None or data.test is None:
            return cls(method, pool, scores, None, None)
        by_pool = None
        if data.pool.labels is not None and data.test.labels is not None:
            classes = match_clusters(contingency(pool, data.pool.labels, k, data.n_classes))
            by_pool = float(np.mean(classes[test.numpy()] == data.test.labels.numpy()))
        return cls(method, pool, scores, clustering_scores(test, data.test.labels), by_pool, test)

    def plain(self) -> dict[str, Any]:
        """Return the scores for ``summary.json``."""
        test = None if self.test is None else self.test._asdict() | {"acc_by_pool": self.test_acc_by_pool}
        return {"method": self.method, "pool": self.pool._asdict(), "test": test}


def measure(
    cfg: DictConfig,
    data: ImageDataModule,
    model: LatentModel,
    autoencoder: AE | None = None,
    start: Tensor | None = None,
) -> list[Result]:
    """Score the model and what it is to be compared with; the model's own clustering comes last.

    What has to be fitted to the images is left out where they are fewer than the clusters.

    Parameters
    ----------
    cfg, data, model
        The run's.
    autoencoder
        Of VaDE's first stage, if at hand.
    start
        The partition of the pool ``(N,)`` that VaDE's mixture started from, if at hand.
    """
    k = cfg.n_clusters
    device = data.pool.images.device
    test_images = None if data.test is None else data.test.images
    results = []
    own, clusters_itself = type(model).__name__, isinstance(model, Clusters)
    judged = autoencoder if clusters_itself else model
    fitted = ["kmeans", "gmm"] if clusters_itself else ["kmeans"]
    enough = len(data.pool) >= k
    rows = enough * (1 + (judged is not None) * len(fitted)) + (start is not None) + 1
    progress.current().expect(rows)
    if not enough:
        log.info(
            "%d images are too few to fit %d clusters to: those rows are left out of the table.",
            len(data.pool),
            k,
        )
    else:
        pixels = cluster_pixels(data.pool.images, test_images, k, seed=cfg.seed)
        results.append(Result.of("k-means on pixels", pixels, data, k))
        progress.current().advance()
        if judged is None:
            log.info("The pretraining is not in the cache: its rows are left out of the table.")
        else:
            codes = over_pool_and_test(judged.to(device).eval().encode, data)
            for method in fitted:
                clusters = cluster_codes(method, *codes, k, seed=cfg.seed, n_init=RESTARTS)
                name = CODE_NAMES[method].format(type(judged).__name__)
                results.append(Result.of(name, clusters, data, k))
                progress.current().advance()
    if start is not None:
        test = None if data.test_slice is None else start[data.test_slice]
        results.append(Result.of(f"{own}'s start ({cfg.init.name})", (start.long(), test), data, k))
        progress.current().advance()
    clusters = over_pool_and_test(model.to(device).eval().predict, data)
    results.append(Result.of(own if clusters_itself else CODE_NAMES["gmm"].format(own), clusters, data, k))
    progress.current().advance()
    return results


@torch.inference_mode()
def objective_terms(data: ImageDataModule, model: LatentModel, seed: int) -> dict[str, float]:
    """Measure the terms of the objective, as means over images that are not changed at random.

    Returns
    -------
    dict[str, float]
        ``train/<term>`` of the pool, and ``test/<term>`` of the images that it leaves out. The same names in
        a training are means over its last epoch, while the weights still changed.
    """
    torch.manual_seed(seed)  # of the posterior's samples
    metrics: dict[str, float] = {}
    with evaluating(model.to(data.pool.images.device)):
        for part, split in (("train", data.pool), ("test", data.held_out)):
            if split is None:
                continue
            sums: dict[str, float] = {}
            for images in torch.split(split.images, CHUNK):
                for name, mean in model.measured_terms(to_unit_interval(images)).items():
                    sums[name] = sums.get(name, 0.0) + float(mean) * len(images)
            metrics |= {f"{part}/{name}": total / len(split) for name, total in sums.items()}
    return metrics


def collapse(own: Result, n_clusters: int) -> str | None:
    """Say what is wrong with VaDE's clusters, as far as that can be told without labels; None if nothing is.

    A cluster without an image is lost, and the mixture has collapsed. One with less than a tenth of an equal
    share of the images may be right: it is mentioned.
    """
    share = own.pool.smallest_share
    if own.pool.used < n_clusters:
        return (
            f"the mixture has collapsed: {own.pool.used} of {n_clusters} clusters are in use; try "
            "init=merged, more pretraining, a lower learning rate or model.warmup.hold_epochs"
        )
    if share >= 0.1 / n_clusters:
        return None
    return (
        f"the smallest cluster has {100 * share:.2f} % of the images: look at its images in the figures; if "
        "they are no group of their own, try fewer clusters or another init"
    )


def print_table(results: list[Result], title: str, console: Console | None = None) -> None:
    """Print the results, the scores in percent; unlabeled images have the clusters' use alone."""
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("%", no_wrap=True)
    labeled = any(result.pool.acc is not None for result in results)
    with_test = labeled and any(result.test is not None for result in results)
    scores = ["acc", "nmi", "ari"] if labeled else []
    for part in ["pool", "test"] if with_test else ["pool"]:
        for score in scores:
            table.add_column(f"{part}\n{score.upper()}", justify="right", no_wrap=True)
    table.add_column("used", justify="right")
    for result in results:
        parts = [result.pool, result.test] if with_test else [result.pool]
        cells = [percent(getattr(part, score, None)) for part in parts for score in scores]
        style = "bold green" if result is results[-1] else None
        table.add_row(result.method, *cells, str(result.pool.used), style=style)
    (console or Console()).print(table)


def percent(score: float | None) -> str:
    """Write a share in percent, or a dash."""
    return "-" if score is None else f"{100 * score:.2f}"


def final_metrics(results: list[Result]) -> Mapping[str, float]:
    """Return the scores of the model's own clustering under the names they are logged with."""
    last = results[-1]
    parts = {"cluster": last.pool} | ({} if last.test is None else {"cluster_test": last.test})
    return {
        f"{name}/{key}": float(value)
        for name, part in parts.items()
        for key, value in part._asdict().items()
        if value is not None
    }
