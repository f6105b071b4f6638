"""A partition on paper: the true groups beside the clusters, and where the clusters end."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from latentclust.errors import LatentclustError
from latentclust.figures.latent import draw_points
from latentclust.figures.scatter import dot, draw_ellipses
from latentclust.figures.style import INK, TEXT_SIZE, Floats, Integers, color, new_figure, styled

Frame = tuple[float, float, float, float]

_PANEL = 4.4  # inches: the width of a panel's points
_LEGEND = 1.0  # inches
_PALE = 0.22  # opacity of the regions behind the points
_MARGIN = 0.06  # of the points' extent, around them
_ROWS_OF_LEGEND = 16


def frame(points: Floats) -> Frame:
    """Return the limits (left, right, bottom, top) of a panel with these points (N, 2)."""
    low, high = points.min(axis=0), points.max(axis=0)
    size = high - low
    # Points on a line get a panel that is no line.
    margin = np.maximum(_MARGIN * size, (0.4 * size.max() - size) / 2) if size.any() else np.ones(2)
    (left, bottom), (right, top) = low - margin, high + margin
    return float(left), float(right), float(bottom), float(top)


@styled
def partition_scatter(
    points: Floats,
    groups: Integers | None,
    clusters: Integers,
    *,
    title: str,
    panel_titles: tuple[str, str] = ("true groups", "clusters"),
    group_names: Sequence[str] | None = None,
    matches: Sequence[int] | None = None,
    regions: Integers | None = None,
    means: Floats | None = None,
    covariances: Floats | None = None,
    axis_labels: tuple[str, str] = ("x1", "x2"),
    equal: bool = True,
) -> Figure:
    """Draw points by their true group and, beside them, by their cluster.

    Parameters
    ----------
    points
        In the plane, (N, 2).
    groups
        The true group of each point, (N,); None for points without: the clusters are drawn alone.
    clusters
        The cluster of each point, (N,), 0..K-1.
    title, panel_titles
        What is shown: data and model; what stands over the two panels.
    group_names
        A name for each group number; the numbers themselves if not given.
    matches
        The group matched to each cluster, -1 for none, (K,): a cluster wears the color of its group.
    regions
        The cluster that each place of the panel belongs to, (H, W), from the bottom row up, over the limits
        that :func:`frame` gives: drawn pale behind the clusters.
    means
        Of the clusters, (K, 2): marked with crosses.
    covariances
        Around these means, (K, 2, 2): two-sigma ellipses.
    axis_labels
        What the axes measure.
    equal
        One scale on both axes, so that a circle stays a circle.

    Raises
    ------
    LatentclustError
        Groups or clusters do not fit the points.
    """
    if points.shape != (len(clusters), 2) or (groups is not None and len(groups) != len(points)):
        raise LatentclustError(
            f"a scatter needs points (N, 2), N clusters and N groups, not {points.shape} and {len(clusters)}"
        )
    last = int(clusters.max() if regions is None else max(clusters.max(), regions.max()))
    shown = _colors_of_clusters(last + 1, [] if matches is None else matches)
    left, right, bottom, top = limits = frame(points)
    panels = 1 if groups is None else 2
    height = np.clip(_PANEL * (top - bottom) / (right - left), 2.2, 6.0) if equal else 3.6
    figure = new_figure((_PANEL + _LEGEND) * panels + 0.6, float(height) + 0.75, title)
    all_axes = np.atleast_1d(figure.subplots(1, panels, sharex=True, sharey=True))
    if groups is not None:
        names = {int(g): group_names[g] if group_names else f"group {g}" for g in np.unique(groups)}
        _draw(all_axes[0], points, groups, panel_titles[0], names)
    right_axes = all_axes[-1]
    if regions is not None:
        pale = np.array([to_rgb(color(group)) for group in shown])[regions]
        right_axes.imshow(pale, extent=limits, origin="lower", alpha=_PALE, aspect="auto", zorder=0)
    if means is not None:
        right_axes.scatter(*means.T, marker="X", s=90, c=INK, edgecolors="white", linewidths=1.2, zorder=5)
        if covariances is not None:
            draw_ellipses(right_axes, means, covariances)
    names = {int(shown[k]): f"cluster {k}" for k in np.unique(clusters)}
    _draw(right_axes, points, shown[clusters], panel_titles[1], names)
    for axes in all_axes:
        axes.set(xlim=(left, right), ylim=(bottom, top), xlabel=axis_labels[0])
        if equal:
            axes.set_aspect("equal", adjustable="box")
    all_axes[0].set_ylabel(axis_labels[1])
    return figure


def _colors_of_clusters(n_clusters: int, matches: Sequence[int]) -> Integers:
    """Give each cluster its group's number, (K,); those that are left over get numbers that no group has."""
    shown = np.full(max(n_clusters, len(matches)), -1)
    shown[: len(matches)] = matches
    free = shown < 0
    shown[free] = shown.max(initial=-1) + 1 + np.arange(free.sum())
    return shown


def _draw(axes: Axes, points: Floats, groups: Integers, title: str, names: dict[int, str]) -> None:
    """Draw one panel; its legend is in the order of the numbers that choose the colors."""
    draw_points(axes, points, groups)
    axes.set_title(title, fontsize=TEXT_SIZE, fontweight="bold")
    axes.legend(
        handles=[dot(group, name) for group, name in sorted(names.items())],
        loc="upper left",
        bbox_to_anchor=(1, 1),
        ncols=-(-len(names) // _ROWS_OF_LEGEND),
        handletextpad=0.2,
    )
