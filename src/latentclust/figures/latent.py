"""The latent space on paper: scatters of codes, with the mixture's components over them."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from latentclust.errors import LatentclustError
from latentclust.figures.labels import annotate
from latentclust.figures.scatter import (
    add_legend,
    check_points,
    dot,
    draw_ellipses,
    marker_area,
    names_of,
    plane_axes,
)
from latentclust.figures.style import Floats, Integers, color, marker, new_figure, styled

_CONFIDENCE_MAP = "viridis"  # perceptually uniform, also to color-blind readers; what is uncertain is dark
_ROUNDING = 1e-4  # how far above 1 the responsibilities of a float32 or bfloat16 network may come to lie


@styled
def latent_scatter(
    points: Floats,
    groups: Integers,
    *,
    title: str,
    group_names: Sequence[str] | None = None,
    components: tuple[Floats, Floats] | None = None,
    axis_labels: tuple[str, str] | None = None,
    size: tuple[float, float] = (7.6, 6.0),
) -> Figure:
    """Draw codes as points, one color a group.

    Parameters
    ----------
    points
        Codes in the plane, (N, 2).
    groups
        The class or cluster of each point, (N,); negative means none (gray).
    title
        What is shown: data, model, epoch.
    group_names
        A name for each group number; the numbers themselves if not given.
    components
        Means (K, 2) and covariances (K, 2, 2) of mixture components: drawn as two-sigma ellipses with
        their numbers. Without them each group's name stands at its median.
    axis_labels
        What the axes measure. Without them the axes carry no ticks, as after t-SNE, whose units mean nothing.
    size
        Width and height in inches, below the title.

    Returns
    -------
    Figure
        One axes with equal scales, so that a circle stays a circle.

    Raises
    ------
    LatentclustError
        Points, groups and names do not fit together, or a point is not finite.
    """
    check_points(points, groups, 2)
    names = names_of(groups, group_names)
    figure = new_figure(*size, title)
    axes = plane_axes(figure, axis_labels)
    draw_points(axes, points, groups)
    handles = [] if set(names) == {-1} else [dot(group, name) for group, name in names.items()]
    if components is None:
        named = [group for group in names if group >= 0]
        anchors = np.array([np.median(points[groups == g], axis=0) for g in named]).reshape(-1, 2)
        texts = [names[group] for group in named]
    else:
        anchors, texts = components[0], [str(k) for k in range(len(components[0]))]
        handles.append(draw_ellipses(axes, *components))
    add_legend(axes, handles)
    annotate(figure, axes, anchors, texts)
    return figure


@styled
def confidence_scatter(
    points: Floats,
    confidence: Floats,
    *,
    title: str,
    components: tuple[Floats, Floats] | None = None,
    axis_labels: tuple[str, str] | None = None,
    n_clusters: int | None = None,
    size: tuple[float, float] = (7.6, 6.0),
) -> Figure:
    """Draw codes as points, colored by how certain their assignment to a cluster is.

    Parameters
    ----------
    points
        Codes in the plane, (N, 2).
    confidence
        The largest responsibility of each code, max_c gamma_c, in [1/K, 1], (N,).
    title
        What is shown: data, model, epoch.
    components
        Means (K, 2) and covariances (K, 2, 2) of mixture components: drawn as two-sigma ellipses with
        their numbers.
    axis_labels
        What the axes measure. Without them the axes carry no ticks, as after t-SNE, whose units mean nothing.
    n_clusters
        K: the colors span [1/K, 1], whatever the data, so that two figures can be compared. By default the
        number of components; without either they span [0, 1].
    size
        Width and height in inches, below the title.

    Returns
    -------
    Figure
        One axes with equal scales, and a color bar. The least certain points lie on top.

    Raises
    ------
    LatentclustError
        Points and confidence do not fit together, or are out of range.
    """
    check_points(points, confidence, 2)
    k = n_clusters or (len(components[0]) if components else None)
    lowest = 1 / k if k and k > 1 else 0.0
    if len(confidence) and (confidence.min() < lowest - _ROUNDING or confidence.max() > 1 + _ROUNDING):
        raise LatentclustError(
            f"the confidence is a code's largest responsibility and lies in [{lowest:.3g}, 1], not in "
            f"[{confidence.min():.3g}, {confidence.max():.3g}]: pass gamma.max(axis=1)"
        )
    figure = new_figure(*size, title)
    axes = plane_axes(figure, axis_labels)
    order = np.argsort(-confidence, kind="stable")
    drawn = axes.scatter(
        points[order, 0],
        points[order, 1],
        c=confidence[order],
        s=marker_area(len(points)),
        cmap=_CONFIDENCE_MAP,
        vmin=lowest,
        vmax=1,
        linewidths=0,
        rasterized=True,
    )
    bar = figure.colorbar(drawn, ax=axes, shrink=0.7, aspect=28, pad=0.03)
    bar.set_label("confidence, max \u03b3")
    bar.outline.set_visible(False)
    if components is not None:
        # Above the plot, where it can cover neither points nor color bar.
        handle = draw_ellipses(axes, *components)
        axes.legend(handles=[handle], loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0.2)
        annotate(figure, axes, components[0], [str(c) for c in range(len(components[0]))])
    return figure


def draw_points(axes: Axes, points: Floats, groups: Integers) -> None:
    """Draw points ``(N, 2)`` in the colors and markers of their groups ``(N,)``."""
    # Drawn in a shuffled order: group after group would bury the first ones under the last.
    order = np.random.default_rng(0).permutation(len(points))
    points, groups = points[order], groups[order]
    shapes = np.array([marker(int(group)) for group in groups])
    for shape in dict.fromkeys(shapes.tolist()):
        chosen = shapes == shape
        axes.scatter(
            points[chosen, 0],
            points[chosen, 1],
            c=[color(int(group)) for group in groups[chosen]],
            s=marker_area(len(points)),
            marker=shape,
            alpha=0.75,
            linewidths=0,
            rasterized=True,  # in an SVG, seventy thousand points as vectors would open in no browser
        )
