"""Draw some members of each cluster as the pictures that their vectors were made of."""

from collections.abc import Iterator

import numpy as np

from latentclust import figures
from latentclust.gallery.pictures import Drawing
from latentclust.gallery.view import Integers, View, means_of

MEMBERS = 4  # of each kind


def members(view: View) -> Iterator[Drawing]:
    """Draw each cluster's members nearest to its mean, random ones, and the least certain; the largest first.

    Where the model is not uncertain of any, these are the farthest from the mean. Nothing is drawn of inputs
    that were made of no pictures.
    """
    if view.inputs.looks is None:
        return
    clusters, sizes = np.unique(view.clusters, return_counts=True)
    order = np.argsort(-sizes, kind="stable")
    means = means_of(view.codes, view.clusters, int(clusters.max()) + 1)
    distances = np.linalg.norm(view.codes - means[view.clusters], axis=1)
    doubts = distances if view.confidence is None else -view.confidence
    chosen: dict[str, list[Integers]] = {
        "nearest to the mean": [],
        "random": [],
        "farthest from the mean" if view.confidence is None else "least certain": [],
    }
    for cluster in clusters[order]:
        own = np.flatnonzero(view.clusters == cluster)  # in random order, as the view is
        picks = (
            own[np.argsort(distances[own], kind="stable")],
            own,
            own[np.argsort(-doubts[own], kind="stable")],
        )
        for places, pick in zip(chosen.values(), picks, strict=True):
            places.append(pick[:MEMBERS])
    shares = sizes[order] / len(view.clusters)
    yield Drawing(
        "members",
        "Members of each cluster",
        figures.galleries(
            {kind: [view.pictures(places) for places in each] for kind, each in chosen.items()},
            title=f"{view.title}: members of each cluster, the largest first",
            row_labels=[f"{c}: {100 * s:.1f} %" for c, s in zip(clusters[order], shares, strict=True)],
        ),
    )
