"""Draw a partition: groups and clusters, feature space, confusion, distances and mean images."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure

from latentclust import figures
from latentclust.clustering.choose import Choice
from latentclust.data import as_floats
from latentclust.data.points import Floats, Integers
from latentclust.evaluation import contingency, match_clusters
from latentclust.evaluation.findings import Finding
from latentclust.evaluation.results import Result
from latentclust.figures import Plane
from latentclust.gallery.number import CAPTION, FILE, draw_choice
from latentclust.gallery.pictures import SIDE, Painter, as_pictures, in_rows
from latentclust.gallery.show import kept_account

SCATTER_POINTS = 4000
GRID = 300  # places along each side of the panel that are given to the clusters
JITTER = 0.008  # of the eigenvectors' extent
ORDINALS = ("1st", "2nd", "3rd")
EXAMPLES = 9  # images beside each cluster's mean


def show_partition(
    folder: Path, finding: Finding, own: Result, summary: dict[str, Any], choice: Choice | None = None
) -> None:
    """Write ``figures/*.png`` and ``report.html`` into a run's folder; ``summary`` is the run's.

    ``choice`` is that of the number of clusters, if it was chosen.
    """
    title = f"{summary['model']} on {summary['data']}"
    drawn = draw(finding, own, title)
    if choice is not None:
        drawn[CAPTION] = (FILE, draw_choice(choice, title))
    paths = {
        caption: figures.save(figure, folder / "figures" / name) for caption, (name, figure) in drawn.items()
    }
    figures.render_report(summary, paths, folder / "report.html", account=kept_account(folder))


def draw(finding: Finding, own: Result, title: str) -> dict[str, tuple[str, Figure]]:
    """Draw what a partition has to show: caption to file name and figure."""
    inputs, found = finding.inputs, finding.partition
    title = title[0].upper() + title[1:]
    names = inputs.data.class_names if inputs.data is not None else ()
    counts = matches = None
    if inputs.labels is not None:
        counts = contingency(
            found.clusters, inputs.labels, int(found.clusters.max()) + 1, int(inputs.labels.max()) + 1
        )
        matches = match_clusters(counts).tolist()
    chosen = np.random.default_rng(0).permutation(len(inputs.sample))[:SCATTER_POINTS]
    drawn = {"Groups and clusters": ("clusters.png", clusters(finding, own, chosen, matches, title))}
    if found.features is not None:
        drawn["The feature space"] = ("features.png", features(finding, chosen, matches, title))
    if counts is not None:
        drawn["Clusters and groups"] = (
            "confusion.png",
            figures.confusion_matrix(
                counts,
                title=f"{title}: clusters and groups",
                class_names=list(names) or None,
                matches=matches,
                unit=inputs.kind,
            ),
        )
    if inputs.data is not None:
        drawn["Means and examples"] = ("means.png", means(finding, title))
    dims = inputs.sample.shape[1]
    drawn["Distances"] = (
        "distances.png",
        figures.distance_histogram(
            finding.within,
            finding.between,
            title=f"Distances between {inputs.kind} in {dims:,} dimensions: the farthest is "
            f"{1 + finding.contrast.contrast:,.3g} times as far as the nearest",
        ),
    )
    return drawn


def clusters(
    finding: Finding, own: Result, chosen: Integers, matches: list[int] | None, title: str
) -> Figure:
    """Draw groups and clusters: points in their first two coordinates, images in their plane of variance."""
    inputs, found = finding.inputs, finding.partition
    dims = inputs.sample.shape[1]
    if inputs.data is None:
        plane = Plane(np.zeros(dims), np.eye(2, dims), ("x1", "x2"))
        place = "" if dims == 2 else f", the first 2 of {dims:,} dimensions"
    else:
        plane = figures.pca_plane(inputs.sample[chosen].astype(np.float64))
        place = ", in the plane where they vary most"
    points = plane.project(inputs.sample[chosen])
    regions = None
    if dims == 2 and found.predict is not None:
        left, right, bottom, top = figures.frame(points)
        x, y = np.meshgrid(np.linspace(left, right, GRID), np.linspace(bottom, top, GRID))
        regions = found.predict(np.column_stack([x.ravel(), y.ravel()])).reshape(GRID, GRID)
    acc = "" if own.pool.acc is None else f": ACC {own.pool.acc:.1%}"
    return figures.partition_scatter(
        points,
        None if inputs.labels is None else inputs.labels[chosen],
        found.clusters[chosen],
        title=title + place,
        panel_titles=("true groups", f"clusters{acc}"),
        group_names=None if inputs.data is None else inputs.data.class_names,
        matches=matches,
        regions=regions,
        means=None if found.means is None else plane.project(found.means),
        covariances=None if found.covariances is None else in_plane(plane, found.covariances),
        axis_labels=plane.labels,
    )


def in_plane(plane: Plane, covariances: Floats) -> Floats:
    """Project covariances ``(K, D, D)``, or their diagonals ``(K, D)``, to ``(K, 2, 2)``."""
    if covariances.ndim == 2:
        return plane.project_components(np.zeros_like(covariances), covariances)[1]
    projected: Floats = plane.axes @ covariances @ plane.axes.T
    return projected


def features(finding: Finding, chosen: Integers, matches: list[int] | None, title: str) -> Figure:
    """Draw two eigenvectors of the neighbor graph: the first two that are not constant."""
    inputs, found = finding.inputs, finding.partition
    assert found.features is not None
    first = 1 if found.parts == 1 else 0
    points = found.features[chosen, first : first + 2]
    # All points of a part that nothing connects to the others fall onto one place.
    points = points + JITTER * np.ptp(points, axis=0) * np.random.default_rng(0).normal(size=points.shape)
    parts = "" if found.parts == 1 else f", which falls into {found.parts} parts"
    return figures.partition_scatter(
        points,
        None if inputs.labels is None else inputs.labels[chosen],
        found.clusters[chosen],
        title=f"{title}: the feature space of its neighbor graph{parts} (jittered)",
        group_names=None if inputs.data is None else inputs.data.class_names,
        matches=matches,
        axis_labels=(ORDINALS[first] + " eigenvector", ORDINALS[first + 1] + " eigenvector"),
        equal=False,
    )


def means(finding: Finding, title: str) -> Figure:
    """Draw the mean of each cluster, and after it some of its members."""
    inputs, found = finding.inputs, finding.partition
    assert inputs.data is not None
    rows, labels, places = [], [], []
    rng = np.random.default_rng(0)
    for cluster in np.unique(found.clusters):
        own = np.flatnonzero(found.clusters == cluster)
        chosen = rng.choice(own, EXAMPLES, replace=len(own) < EXAMPLES)
        places.append(chosen)
        rows.append(np.stack([inputs.sample[own].mean(axis=0), *inputs.sample[chosen]]))
        labels.append(f"{cluster}: {len(own) / len(inputs.sample):.1%}")
    if inputs.looks is not None:
        pictures = as_pictures(as_floats(inputs.looks(torch.from_numpy(np.concatenate(places)), SIDE)))
        return figures.image_grid(
            in_rows(pictures, EXAMPLES),
            title=f"{title}: each cluster's share and some of its images",
            row_labels=labels,
        )
    grid = torch.from_numpy(np.stack(rows)).reshape(len(rows), -1, *inputs.data.input_shape)
    paint = Painter.of(torch.from_numpy(inputs.sample).reshape(-1, *inputs.data.input_shape))
    return figures.image_grid(
        paint(grid),
        title=f"{title}: each cluster's share, mean and some of its {paint.noun}",
        row_labels=labels,
    )
