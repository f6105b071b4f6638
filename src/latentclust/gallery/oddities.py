"""Draw the images that are worth a look: those in a cluster of another class, and those like nothing seen."""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import torch

from latentclust import figures
from latentclust.evaluation import contingency, match_clusters
from latentclust.evaluation.assignments import Integers
from latentclust.gallery.pictures import Drawing, Painter, in_rows, pictures_of
from latentclust.training.inference import Looked

ROWS, COLUMNS = 8, 10
UNLIKE = 40


def oddities(looked: Looked, class_names: Sequence[str], title: str) -> Iterator[Drawing]:
    """Draw galleries of a pool of images, or of what was made of images.

    Parameters
    ----------
    looked
        The inputs, and what the model says of them.
    class_names
        Of the labels; empty without them.
    title
        What every title begins with.
    """
    if looked.split.inputs.dim() != 4 and looked.split.looks is None:
        return
    if looked.split.labels is not None and class_names:
        yield from wrong(looked, looked.split.labels.numpy(), class_names, title)
    bounds = looked.found.bounds.cpu().double().nan_to_num(nan=-torch.inf)
    lowest = bounds.argsort()[: min(UNLIKE, len(bounds))]
    yield Drawing(
        "unlike",
        "Like nothing seen: what the model explains worst",
        figures.image_grid(
            in_rows(pictures_of(looked.split, lowest, Painter()), COLUMNS),
            title=f"{title}: the {len(lowest)} of {len(bounds):,} images that the model explains worst",
        ),
    )


def wrong(looked: Looked, labels: Integers, class_names: Sequence[str], title: str) -> Iterator[Drawing]:
    """Draw images whose cluster stands for another class: a row for each mistake, the most frequent first."""
    gamma = looked.found.gamma.cpu().numpy()
    clusters, confidence = gamma.argmax(axis=1), gamma.max(axis=1)
    counts = contingency(clusters, labels, gamma.shape[1], len(class_names))
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
        pictures = pictures_of(looked.split, torch.from_numpy(members), Painter())
        white = np.ones((COLUMNS - len(pictures), *pictures.shape[1:]))
        rows.append(np.concatenate([pictures, white]))
        names.append(f"{class_names[true]} among {class_names[taken]}: {number:,}")
    yield Drawing(
        "wrong",
        "In a cluster of another class, the most confident first",
        figures.image_grid(
            np.stack(rows),
            title=f"{title}: {len(places):,} of {len(labels):,} images are in a cluster of another class",
            row_labels=names,
        ),
    )
