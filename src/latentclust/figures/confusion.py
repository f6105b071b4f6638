"""Which classes the clusters hold."""

from collections.abc import Sequence
from math import radians, sin
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from latentclust.errors import LatentclustError
from latentclust.figures.style import (
    INK,
    PALE,
    SMALL_SIZE,
    Integers,
    new_figure,
    styled,
    text_width,
)

_CELL = (0.66, 0.46)  # inches: five digits fit
_SLANT = 40  # degrees, for class names wider than their column
_DARK = 0.66  # above this share white text has the better contrast


@styled
def confusion_matrix(
    counts: Integers,
    *,
    title: str,
    class_names: Sequence[str] | None = None,
    cluster_order: Sequence[int] | None = None,
    matches: Sequence[int] | None = None,
    unit: str = "images",
) -> Figure:
    """Draw clusters against classes: in each cell the images, and their share of the cluster.

    Parameters
    ----------
    counts
        Images of cluster k and class c, (K, C).
    title
        What is shown: data, model, epoch.
    class_names
        A name for each class; their numbers if not given.
    cluster_order
        The clusters from top to bottom, a permutation of range(K). By default by matched class, or number.
    matches
        The class matched to each cluster, -1 for none, (K,): these cells are outlined.
    unit
        What is counted.

    Raises
    ------
    LatentclustError
        Names, order or matches do not fit the counts.
    """
    counts = np.asarray(counts)
    n_clusters, n_classes = counts.shape
    names = [str(c) for c in range(n_classes)] if class_names is None else list(class_names)
    matched = np.full(n_clusters, -1) if matches is None else np.asarray(matches)
    if cluster_order is None:
        cluster_order = np.argsort(np.where(matched < 0, n_classes, matched), kind="stable").tolist()
    order = list(cluster_order)
    if len(names) != n_classes or len(matched) != n_clusters or sorted(order) != list(range(n_clusters)):
        raise LatentclustError(
            f"a confusion matrix of {n_clusters} clusters and {n_classes} classes needs a name for each "
            "class, a match for each cluster (-1 for none), and an order that names each cluster once"
        )
    rows = counts[order]
    totals = rows.sum(axis=1)
    shares = rows / np.maximum(totals, 1)[:, None]
    longest = max(text_width(name, SMALL_SIZE) for name in names)
    slanted = longest > 0.9 * _CELL[0]

    width = 1.9 + _CELL[0] * n_classes
    # No lower than the labels along the sides need, however few the rows.
    height = 0.9 + slanted * longest * sin(radians(_SLANT)) + _CELL[1] * max(n_clusters, 3)
    figure = new_figure(width, height, title)
    axes = figure.add_subplot()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for (row, column), count in np.ndenumerate(rows):
        _write_cell(axes, row, column, int(count), float(shares[row, column]))
        if matched[order[row]] == column:
            frame = Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor=INK, linewidth=1.6)
            axes.add_patch(frame).set_clip_on(False)
    axes.set(xlabel="class", ylabel="cluster")
    axes.set_xticks(range(n_classes), names)
    if slanted:
        for label in axes.get_xticklabels():
            label.set(rotation=_SLANT, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(n_clusters), [str(k) for k in order])
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    sums = axes.secondary_yaxis("right")
    sums.set_yticks(range(n_clusters), [f"{total:,}" for total in totals])
    sums.set_ylabel(f"{unit} in the cluster")
    sums.spines[:].set_visible(False)
    sums.tick_params(length=0)
    return figure


def _write_cell(axes: Axes, row: int, column: int, count: int, share: float) -> None:
    """Write the count, and under it the share; an empty cell keeps a pale zero."""
    place: dict[str, Any] = {"ha": "center", "va": "center", "in_layout": False}
    if count == 0:
        axes.text(column, row, "0", color=PALE, fontsize=SMALL_SIZE, **place)
        return
    ink = "white" if share > _DARK else INK
    percent = "<1%" if share < 0.01 else f"{share:.0%}"
    axes.text(column, row - 0.17, f"{count:,}", color=ink, fontsize=SMALL_SIZE, **place)
    axes.text(column, row + 0.21, percent, color=ink, fontsize=SMALL_SIZE - 1.5, **place)
