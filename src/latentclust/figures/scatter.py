"""What the scatters share: axes of equal scales, names and legend, the mixture's components."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Ellipse
from matplotlib.patheffects import withStroke

from latentclust.errors import LatentclustError
from latentclust.figures.style import INK, Floats, Integers, color, marker

SIGMAS = 2.0
_ROWS_OF_LEGEND = 20


def check_points(points: Floats, values: Floats | Integers, dims: int) -> None:
    """Refuse what cannot be drawn as points of `dims` dimensions with one value each.

    Raises
    ------
    LatentclustError
        The shapes do not fit, or a number is not finite.
    """
    if points.ndim != 2 or points.shape[1] != dims or values.shape != points.shape[:1]:
        raise LatentclustError(
            f"a scatter in {dims} dimensions needs points (N, {dims}) and as many values (N,), "
            f"not {points.shape} and {values.shape}"
        )
    if not (np.isfinite(points).all() and np.isfinite(values).all()):
        raise LatentclustError("the points hold NaN or infinity: training diverged, lower the learning rate")


def names_of(groups: Integers, group_names: Sequence[str] | None) -> dict[int, str]:
    """Name the groups that occur, in ascending order; negative numbers are "none".

    Raises
    ------
    LatentclustError
        There are more groups than names.
    """
    present = [int(group) for group in np.unique(groups)]
    if group_names is not None and present and present[-1] >= len(group_names):
        raise LatentclustError(
            f"group {present[-1]} has no name, for there are {len(group_names)}: name each group from 0 on"
        )
    return {g: "none" if g < 0 else group_names[g] if group_names is not None else str(g) for g in present}


def plane_axes(figure: Figure, axis_labels: tuple[str, str] | None) -> Axes:
    """Add axes with equal scales; without labels they carry no ticks."""
    axes = figure.add_subplot()
    axes.set_aspect("equal", adjustable="datalim")
    axes.margins(0.06)
    if axis_labels:
        axes.set(xlabel=axis_labels[0], ylabel=axis_labels[1])
        axes.grid(True)
    else:
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    return axes


def add_legend(axes: Axes, handles: Sequence[Line2D]) -> None:
    """Put the legend beside the axes, in as many columns as its height asks for."""
    if handles:
        axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(1, 1), ncols=legend_columns(handles))


def legend_columns(handles: Sequence[Line2D]) -> int:
    """Return how many columns a legend of these entries needs to be no higher than its plot."""
    return -(-len(handles) // _ROWS_OF_LEGEND)


def marker_area(n_points: int) -> float:
    """Return a marker's area in square points: the more points, the smaller."""
    return float(np.clip(24_000 / max(n_points, 1), 3, 36))


def draw_ellipses(axes: Axes, means: Floats, covariances: Floats) -> Line2D:
    """Draw Gaussians as their ellipses, and return what stands for them in the legend."""
    for mean, covariance in zip(means, covariances, strict=True):
        variances, directions = np.linalg.eigh(covariance)  # ascending: the long axis is the last
        height, width = 2 * SIGMAS * np.sqrt(variances.clip(0))
        angle = np.degrees(np.arctan2(directions[1, 1], directions[0, 1]))
        ellipse = Ellipse((mean[0], mean[1]), width, height, angle=angle, fill=False, edgecolor=INK)
        ellipse.set(linewidth=1.1, zorder=4, path_effects=[withStroke(linewidth=2.6, foreground="white")])
        axes.add_patch(ellipse)
    return Line2D([], [], color=INK, linewidth=1.1, label=f"component, {SIGMAS:g} \u03c3")


def dot(group: int, name: str) -> Line2D:
    """Return what stands for a group in the legend."""
    return Line2D([], [], linestyle="", marker=marker(group), markersize=6.5, color=color(group), label=name)
