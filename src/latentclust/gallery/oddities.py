"""Draw the images that are worth a look: those in a cluster of another class, and those like nothing seen."""

from collections import Counter
from collections.abc import Iterator

import numpy as np
import torch

from latentclust import figures
from latentclust.data import DataModule
from latentclust.data.batches import as_floats
from latentclust.evaluation import contingency, match_clusters
from latentclust.gallery.pictures import Drawing, Pictures, as_pictures, in_rows
from latentclust.models import Described

ROWS, COLUMNS = 8, 10
UNLIKE = 40


def oddities(data: DataModule, pool: Described, title: str) -> Iterator[Drawing]:
    """Draw galleries of a pool of images.

    Parameters
    ----------
    data, pool
        The images, and what the model says of the pool.
    title
        What every title begins with.
    """
    if data.pool.inputs.dim() != 4:
        return
    if data.pool.labels is not None and data.n_classes:
        yield from wrong(data, pool, title)
    bounds = pool.bounds.cpu().double().nan_to_num(nan=-torch.inf)
    lowest = bounds.argsort()[: min(UNLIKE, len(bounds))]
    yield Drawing(
        "unlike",
        "Like nothing seen: what the model explains worst",
        figures.image_grid(
            in_rows(pictures_of(data, lowest), COLUMNS),
            title=f"{title}: the {len(lowest)} of {len(bounds):,} images that the model explains worst",
        ),
    )


def wrong(data: DataModule, pool: Described, title: str) -> Iterator[Drawing]:
    """Draw images whose cluster stands for another class: a row for each mistake, the most frequent first."""
    assert data.pool.labels is not None
    labels, gamma = data.pool.labels.numpy(), pool.gamma.cpu().numpy()
    clusters, confidence = gamma.argmax(axis=1), gamma.max(axis=1)
    counts = contingency(clusters, labels, gamma.shape[1], data.n_classes)
    matches = match_clusters(counts)
    # More clusters than classes: those that are left over stand for what most of their members are.
    classes = np.where(matches < 0, counts.argmax(axis=1), matches)[clusters]
    places = np.flatnonzero(classes != labels)
    if not len(places):
        return
    mistakes = Counter(zip(classes[places].tolist(), labels[places].tolist(), strict=True))
    rows, names = [], []
    for (taken, true), number in mistakes.most_common(ROWS):
        members = places[(classes[places] == taken) & (labels[places] == true)]
        members = members[np.argsort(-confidence[members], kind="stable")][:COLUMNS]
        pictures = pictures_of(data, torch.from_numpy(members))
        white = np.ones((COLUMNS - len(pictures), *pictures.shape[1:]))
        rows.append(np.concatenate([pictures, white]))
        names.append(f"{data.class_names[true]} among {data.class_names[taken]}: {number:,}")
    yield Drawing(
        "wrong",
        "In a cluster of another class, the most confident first",
        figures.image_grid(
            np.stack(rows),
            title=f"{title}: {len(places):,} of {len(labels):,} images are in a cluster of another class",
            row_labels=names,
        ),
    )


def pictures_of(data: DataModule, places: torch.Tensor) -> Pictures:
    """Return images of the pool as they are drawn."""
    images = data.pool.inputs
    return as_pictures(as_floats(images[places.to(images.device)]))
