"""Partition points, or the pixels of images, as they are; measure and draw it as any other run."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from omegaconf import DictConfig, OmegaConf
from torch import Tensor

from latentclust.atomic import whole_file
from latentclust.clustering.partitions import Partition, partition
from latentclust.data import ImageDataModule
from latentclust.data.points import (
    POINT_SETS,
    DistanceContrast,
    Floats,
    Integers,
    distance_contrast,
    make_points,
    pairwise_distances,
)
from latentclust.evaluation import clustering_scores
from latentclust.evaluation.baselines import LARGEST_FIT, pixels
from latentclust.runs.run import Run, tell
from latentclust.runs.summary import Summary, conclude
from latentclust.training.builders import build_data
from latentclust.training.measuring import RESTARTS, Result

NAMES = {"kmeans": "k-means", "gmm": "GMM", "spectral": "spectral clustering"}
# Inputs among which distances are measured: all pairs of 2,000 MNIST images take two seconds.
MEASURED = 2000


@dataclass(frozen=True)
class Inputs:
    """What is partitioned: points, or images as points with a coordinate for each pixel.

    Attributes
    ----------
    sample
        What the method is fitted to ``(N, D)``: everything, or of very many images a sample.
    labels
        The true groups of the sample ``(N,)``; None where they are not known.
    data
        The images; None for points.
    """

    sample: Floats
    labels: Integers | None
    data: ImageDataModule | None = None

    @property
    def kind(self) -> str:
        """What they are called."""
        return "points" if self.data is None else "images"

    @property
    def space(self) -> str:
        """What their coordinates are called."""
        return "points" if self.data is None else "pixels"


@dataclass(frozen=True)
class Finding:
    """A partition with what was measured of it.

    Attributes
    ----------
    inputs, partition
        What was partitioned, and how.
    contrast, within, between
        The distances among at most 2,000 inputs, in the words of :mod:`latentclust.data.points`.
    """

    inputs: Inputs
    partition: Partition
    contrast: DistanceContrast
    within: Floats
    between: Floats


def fit_partition(cfg: DictConfig) -> float | None:
    """Run the stages data, partition, evaluate and show of a model that is no network.

    It leaves no checkpoint, so its clusters are written to ``clusters.npz``.

    Returns
    -------
    float | None
        The metric that ``cfg.optimized_metric`` names, for a sweeper; ``objective`` is the method's own.
    """
    run = Run.begin(cfg)
    with run.stopping():
        with run.timed("data"):
            inputs = load_inputs(cfg)
        options: dict[str, Any] = OmegaConf.to_container(cfg.model, resolve=True)  # type: ignore[assignment]
        name = options.pop("name")
        with run.timed("partition"):
            found = partition(name, inputs.sample, cfg.n_clusters, seed=cfg.seed, **options)
        with run.timed("evaluate"):
            results = [score(cfg, NAMES[name], inputs, found)]
            if name != "kmeans":
                rival = partition("kmeans", inputs.sample, cfg.n_clusters, seed=cfg.seed, n_init=RESTARTS)
                results.insert(0, score(cfg, NAMES["kmeans"], inputs, rival))
            finding = measure_distances(inputs, found, cfg.seed)
        contrast = finding.contrast
        metrics = {"train/loss": found.objective}
        metrics |= {f"distances/{key}": value for key, value in contrast._asdict().items()}
        summary = Summary.of(cfg, run, NAMES[name], results, metrics, inputs.kind)
        summary.write(run)  # now, lest a figure that fails costs the numbers
        keep_clusters(run, inputs, results[-1])
        if cfg.figures.at_end:
            from latentclust.gallery.show_partition import show_partition  # it draws what is defined here

            with run.timed("show"):
                show_partition(run, finding, results[-1], summary)
        tell(
            f"In {inputs.sample.shape[1]:,} dimensions: nearest {contrast.nearest:.3g}, farthest "
            f"{contrast.farthest:.3g}, contrast (farthest - nearest) / nearest {contrast.contrast:.3g}, each "
            f"the mean over {inputs.kind}"
        )
        conclude(run, summary, results)
    return summary.metric(cfg.optimized_metric, "train/loss")


def load_inputs(cfg: DictConfig) -> Inputs:
    """Draw the points or load the images.

    Raises
    ------
    LatentclustError
        If they cannot be had.
    """
    if cfg.data.name in POINT_SETS:
        options: dict[str, Any] = OmegaConf.to_container(cfg.data, resolve=True)  # type: ignore[assignment]
        return Inputs(*make_points(options.pop("name"), options.pop("n"), **options))
    data = build_data(cfg)
    images, labels = data.pool.images, data.pool.labels
    if len(images) > LARGEST_FIT:
        order = torch.randperm(len(images), generator=torch.Generator().manual_seed(cfg.seed))[:LARGEST_FIT]
        images, labels = images[order], None if labels is None else labels[order]
    return Inputs(pixels(images), None if labels is None else labels.numpy(), data)


def score(cfg: DictConfig, method: str, inputs: Inputs, found: Partition) -> Result:
    """Score a partition; test images outside the pool are given to the clusters, if the method can."""
    data, clusters = inputs.data, torch.from_numpy(found.clusters)
    if method != NAMES["spectral"]:  # that sees the neighbor graph alone
        method = f"{method} on {inputs.space}"
    if data is None:
        scores = clustering_scores(clusters, inputs.labels)
        return Result(method, clusters, scores, None, None)
    if len(inputs.sample) < len(data.pool):
        clusters = predict(found, data.pool.images)
    test = None
    if data.test_slice is not None:
        test = clusters[data.test_slice]
    elif data.test is not None and found.predict is not None:
        test = predict(found, data.test.images)
    return Result.of(method, (clusters, test), data, cfg.n_clusters)


def keep_clusters(run: Run, inputs: Inputs, own: Result) -> None:
    """Write ``clusters.npz``: ``clusters`` (N,), and ``labels`` (N,) if there are any.

    Images that the pool leaves out have ``test_clusters``, where the method has a place for them, and
    ``test_labels``. Drawn ``points`` (N, D) are written too.
    """
    data = inputs.data
    arrays: dict[str, Any] = {"clusters": own.clusters}
    if data is None:
        arrays |= {"points": inputs.sample, "labels": inputs.labels}
    else:
        arrays["labels"] = data.pool.labels
        if data.held_out is not None:
            arrays |= {"test_clusters": own.test_clusters, "test_labels": data.held_out.labels}
    path = run.folder / "clusters.npz"
    with whole_file(path) as file:
        np.savez_compressed(file, **{name: array for name, array in arrays.items() if array is not None})
    tell(f"The clusters of {len(own.clusters)} {inputs.kind}, in their order: {path}")


def predict(found: Partition, images: Tensor) -> Tensor:
    """Give images ``(M, C, H, W)`` to the clusters ``(M,)``."""
    assert found.predict is not None  # methods that cannot predict refuse so many inputs
    parts = [found.predict(pixels(part)) for part in torch.split(images, LARGEST_FIT)]
    return torch.from_numpy(np.concatenate(parts))


def measure_distances(inputs: Inputs, found: Partition, seed: int) -> Finding:
    """Measure the distances among at most 2,000 of the inputs."""
    chosen = np.random.default_rng(seed).permutation(len(inputs.sample))[:MEASURED]
    points, labels = inputs.sample[chosen], None if inputs.labels is None else inputs.labels[chosen]
    within, between = pairwise_distances(points, labels, seed, size=MEASURED)
    return Finding(inputs, found, distance_contrast(points, seed), within, between)
