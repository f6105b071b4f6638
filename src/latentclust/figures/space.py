"""The latent space in three dimensions."""

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from mpl_toolkits.mplot3d import Axes3D, proj3d

from latentclust.figures.scatter import check_points, dot, legend_columns, marker_area, names_of
from latentclust.figures.style import GRID, Floats, Integers, color, marker, new_figure, styled

_USUAL_VIEW = (22.0, -58.0)
_ELEVATIONS = (15.0, 25.0, 35.0)  # degrees; steeper ones hide the height
_AZIMUTHS = tuple(azimuth for azimuth in range(-180, 180, 10) if azimuth % 90)  # off the axes: all three show

_FLATTEST = 0.4  # an edge of the box is at least this share of the longest
_MARGIN = 0.03
_LABELS = (0.95, 0.75)  # inches beside and below the box, for its numbers and names
_ABOVE = 0.1


@styled
def latent_scatter_3d(
    points: Floats,
    groups: Integers,
    *,
    title: str,
    group_names: Sequence[str] | None = None,
    axis_labels: tuple[str, str, str] = ("z1", "z2", "z3"),
    view: tuple[float, float] | None = None,
    size: tuple[float, float] = (7.6, 6.4),
) -> Figure:
    """Draw codes of three dimensions as points, one color a group.

    Parameters
    ----------
    points
        Codes, (N, 3).
    groups
        The class or cluster of each point, (N,); negative means none (gray).
    title
        What is shown: data, model, epoch.
    group_names
        A name for each group number; the numbers themselves if not given.
    axis_labels
        What the axes measure.
    view
        Elevation and azimuth of the eye in degrees. By default those from which the groups lie farthest
        apart, see :func:`clearest_view`.
    size
        Width and height in inches, below the title.

    Returns
    -------
    Figure
        One axes with equal scales; points in the distance are paler.

    Raises
    ------
    LatentclustError
        Points, groups and names do not fit together, or a point is not finite.
    """
    check_points(points, groups, 3)
    names = names_of(groups, group_names)
    figure = new_figure(*size, title)
    axes = figure.add_subplot(projection="3d")
    assert isinstance(axes, Axes3D)
    elevation, azimuth = view or clearest_view(points, groups)
    axes.view_init(elev=elevation, azim=azimuth)
    for axis, label in zip(_axes_of(axes), axis_labels, strict=True):
        axis.set_label_text(label)
        axis.labelpad = 7
        axis.set_pane_color("white")
        axis.pane.set(edgecolor=GRID, closed=True)
    axes.grid(True)
    _fill(figure, axes, size[1], [] if set(names) == {-1} else [dot(g, name) for g, name in names.items()])
    _enlarge(figure, axes, _set_limits(axes, points))
    _draw_points(axes, points, groups)
    return figure


def clearest_view(points: Floats, groups: Integers) -> tuple[float, float]:
    """Find the direction of view from which groups of points overlap least.

    Of a few dozen directions it takes the one with the largest trace(S_w^-1 S_b) on the page, S_b being the
    scatter between the groups and S_w that within (Fukunaga 1990, chapter 10).

    Parameters
    ----------
    points
        Codes, (N, 3).
    groups
        The class or cluster of each point, (N,); negative ones are left out.

    Returns
    -------
    tuple
        Elevation and azimuth in degrees; the usual ones where there are not two groups to tell apart.
    """
    points, groups = points[groups >= 0], groups[groups >= 0]
    present, which = np.unique(groups, return_inverse=True)
    if len(present) < 2:
        return _USUAL_VIEW
    means = np.stack([points[which == g].mean(axis=0) for g in range(len(present))])
    rest, spread = points - means[which], means[which] - points.mean(axis=0)
    # A little is added within, for groups that are each a single point have no scatter of their own.
    within = rest.T @ rest + 1e-9 * max(float((spread**2).sum()), 1e-300) * np.eye(3)
    between = spread.T @ spread

    def separation(view: tuple[float, float]) -> float:
        page = page_directions(*view)
        return float(np.trace(np.linalg.solve(page @ within @ page.T, page @ between @ page.T)))

    return max(product(_ELEVATIONS, _AZIMUTHS), key=separation)


def page_directions(elevation: float, azimuth: float) -> Floats:
    """Return the directions in space that point right and up on the page, (2, 3), for angles in degrees."""
    up, around = np.radians([elevation, azimuth])
    right = [-np.sin(around), np.cos(around), 0.0]
    above = [-np.sin(up) * np.cos(around), -np.sin(up) * np.sin(around), np.cos(up)]
    return np.array([right, above])


def _fill(figure: Figure, axes: Axes3D, height: float, handles: Sequence[Line2D]) -> None:
    """Let the axes fill `height` inches below the title, left of the legend.

    By hand, for the layout engine knows neither a 3-D box's outline nor where its labels will be.
    """
    figure.set_layout_engine("none")
    top = height / figure.get_figheight()
    right = 1.0
    if handles:
        columns = legend_columns(handles)
        legend = figure.legend(handles=handles, loc="upper right", bbox_to_anchor=(1, top), ncols=columns)
        figure.draw_without_rendering()  # gives the legend its width
        right = legend.get_window_extent().x0 / figure.bbox.width
    axes.set_position((0, 0, right, top))


def _set_limits(axes: Axes3D, points: Floats) -> Floats:
    """Set limits that make a box no flatter than can be read, and return its proportions (3,)."""
    if not len(points):
        return np.ones(3)
    low, high = points.min(axis=0), points.max(axis=0)
    longest = float((high - low).max()) or 1.0
    half: Floats = np.maximum(high - low, _FLATTEST * longest) * (0.5 + _MARGIN)
    for axis, middle, reach in zip(_axes_of(axes), (low + high) / 2, half, strict=True):
        axis.axes.set(**{f"{axis.axis_name}lim": (middle - reach, middle + reach)})
        ticks = MaxNLocator(5).tick_values(middle - reach, middle + reach)
        # None in the corners, where the numbers of two axes would meet.
        axis.set_ticks(ticks[np.abs(ticks - middle) < 0.9 * reach])
    return half


def _enlarge(figure: Figure, axes: Axes3D, proportions: Floats) -> None:
    """Draw the box in the middle of its place, as large as that allows with the labels around it."""
    place = axes.get_position(original=True)
    low, high = place.get_points() * figure.bbox.size
    low = low + np.multiply(_LABELS, figure.dpi)
    high = high - np.multiply((_LABELS[0], _ABOVE), figure.dpi)
    zoom = 1.0
    for _ in range(3):  # in perspective the outline grows not quite like the zoom
        axes.set_box_aspect(proportions, zoom=zoom)  # of the limits' proportions: one scale for all three
        outline = _outline(axes)
        zoom *= float(((high - low) / np.ptp(outline, axis=0)).min())
    shift = ((low + high) / 2 - (outline.min(axis=0) + outline.max(axis=0)) / 2) / figure.bbox.size
    axes.set_position(place.translated(*shift))


def _outline(axes: Axes3D) -> Floats:
    """Return where the corners of the box lie on the page, in pixels, (8, 2)."""
    axes.apply_aspect()
    corners = np.array(list(product(axes.get_xlim(), axes.get_ylim(), axes.get_zlim())))
    flat = np.column_stack(proj3d.proj_transform(*corners.T, axes.get_proj())[:2])
    places: Floats = axes.transData.transform(flat)
    return places


def _axes_of(axes: Axes3D) -> tuple[Any, Any, Any]:
    return axes.xaxis, axes.yaxis, axes.zaxis


def _draw_points(axes: Axes3D, points: Floats, groups: Integers) -> None:
    # Of one marker all points go into one collection, for only there the near ones cover the far ones.
    shapes = np.array([marker(int(group)) for group in groups])
    for shape in dict.fromkeys(shapes.tolist()):
        chosen = shapes == shape
        axes.scatter(
            *points[chosen].T,
            c=[color(int(group)) for group in groups[chosen]],
            s=marker_area(len(points)),
            marker=shape,
            alpha=0.9,
            linewidths=0,
            rasterized=True,
        )
