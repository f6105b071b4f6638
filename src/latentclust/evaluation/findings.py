"""What is found in points, or in the pixels of images as they are: a partition, its scores, distances."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from latentclust.clustering.partitions import Partition
from latentclust.data import DataModule
from latentclust.data.looks import Looks
from latentclust.data.mapped import InputRows, parts
from latentclust.data.points import (
    DistanceContrast,
    Floats,
    Integers,
    distance_contrast,
    pairwise_distances,
)
from latentclust.evaluation.baselines import LARGEST_FIT, pixels
from latentclust.evaluation.metrics import clustering_scores
from latentclust.evaluation.results import Result
from latentclust.evaluation.unlabeled import sampled, unlabeled_scores

NAMES = {"kmeans": "k-means", "gmm": "GMM", "spectral": "spectral clustering"}
# Inputs among which distances are measured: all pairs of 2,000 MNIST images take two seconds.
MEASURED = 2000


@dataclass(frozen=True)
class Inputs:
    """What is partitioned: points, or images as points with a coordinate for each pixel.

    Attributes
    ----------
    sample
        What the method is fitted to ``(N, D)``: everything, or of very many inputs a sample.
    labels
        The true groups of the sample ``(N,)``; None where they are not known.
    data
        The inputs; None for points.
    looks
        The pictures that the sample was made of; None where there are none.
    """

    sample: Floats
    labels: Integers | None
    data: DataModule | None = None
    looks: Looks | None = None

    @classmethod
    def of_images(cls, data: DataModule, seed: int) -> "Inputs":
        """Take inputs, which are loaded, as points; of more than 70,000 a random sample."""
        pool = data.pool
        if len(pool) > LARGEST_FIT:
            order = torch.randperm(len(pool), generator=torch.Generator().manual_seed(seed))
            pool = pool[order[:LARGEST_FIT]]
        labels = pool.labels
        return cls(pixels(pool.inputs[:]), None if labels is None else labels.numpy(), data, pool.looks)

    @property
    def kind(self) -> str:
        """What they are called."""
        return "points" if self.data is None else f"{self.data.kind}s"

    @property
    def space(self) -> str:
        """What their coordinates are called."""
        if self.data is None:
            return "points"
        return "pixels" if self.data.kind == "image" else "inputs"


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

    @property
    def metrics(self) -> dict[str, float]:
        """The means of the distances, as they are logged."""
        return {f"distances/{key}": value for key, value in self.contrast._asdict().items()}

    @property
    def in_words(self) -> str:
        """What the distances say of the number of dimensions."""
        contrast = self.contrast
        return (
            f"In {self.inputs.sample.shape[1]:,} dimensions: nearest {contrast.nearest:.3g}, farthest "
            f"{contrast.farthest:.3g}, contrast (farthest - nearest) / nearest {contrast.contrast:.3g}, each "
            f"the mean over {self.inputs.kind}"
        )


def score(method: str, inputs: Inputs, found: Partition, n_clusters: int) -> Result:
    """Score a partition; test inputs outside the pool are given to the clusters, if the method can."""
    data, clusters = inputs.data, torch.from_numpy(found.clusters)
    name, chosen = NAMES[method], sampled(len(inputs.sample))
    if method != "spectral":  # that sees the neighbor graph alone
        name = f"{name} on {inputs.space}"
    unlabeled = unlabeled_scores(inputs.sample[chosen], clusters[chosen], of_all=clusters)
    if data is None:
        scores = clustering_scores(clusters, inputs.labels)
        return Result(name, clusters, scores, None, None, unlabeled=unlabeled)
    if len(inputs.sample) < len(data.pool):
        clusters = predict(found, data.pool.inputs)
    test = None
    if data.test_slice is not None:
        test = clusters[data.test_slice]
    elif data.test is not None and found.predict is not None:
        test = predict(found, data.test.inputs)
    labels = data.pool.labels, None if data.test is None else data.test.labels
    scored = Result.of(name, (clusters, test), labels, n_clusters, data.n_classes)
    return replace(scored, unlabeled=unlabeled)


def predict(found: Partition, images: InputRows) -> Tensor:
    """Give images ``(M, C, H, W)`` to the clusters ``(M,)``."""
    assert found.predict is not None  # methods that cannot predict refuse this many inputs
    clusters = torch.empty(len(images), dtype=torch.int64)
    for number, part in enumerate(parts(images, LARGEST_FIT)):
        place = slice(number * LARGEST_FIT, (number + 1) * LARGEST_FIT)
        clusters[place] = torch.from_numpy(found.predict(pixels(part)))
    return clusters


def measure_distances(inputs: Inputs, found: Partition, seed: int) -> Finding:
    """Measure the distances among at most 2,000 of the inputs."""
    chosen = np.random.default_rng(seed).permutation(len(inputs.sample))[:MEASURED]
    points, labels = inputs.sample[chosen], None if inputs.labels is None else inputs.labels[chosen]
    within, between = pairwise_distances(points, labels, seed, size=MEASURED)
    return Finding(inputs, found, distance_contrast(points, seed), within, between)
