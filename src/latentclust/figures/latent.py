"""The latent space on paper: scatters of codes, with the mixture's components over them."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Ellipse
from matplotlib.patheffects import withStroke

from latentclust.figures.labels import annotate
from latentclust.figures.style import INK, Floats, Integers, color, marker, new_figure, styled

SIGMAS = 2.0
_ROWS_OF_LEGEND = 20


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
    """
    figure = new_figure(*size, title)
    axes = figure.add_subplot()
    axes.set_aspect("equal", adjustable="datalim")
    axes.margins(0.06)
    _draw_points(axes, points, groups)
    if axis_labels:
        axes.set(xlabel=axis_labels[0], ylabel=axis_labels[1])
        axes.grid(True)
    else:
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    present = [int(group) for group in np.unique(groups)]
    names = {g: "none" if g < 0 else group_names[g] if group_names else str(g) for g in present}
    handles = [] if present == [-1] else [_dot(group, name) for group, name in names.items()]
    if components is None:
        named = [group for group in present if group >= 0]
        anchors = np.array([np.median(points[groups == g], axis=0) for g in named]).reshape(-1, 2)
        texts = [names[group] for group in named]
    else:
        anchors, texts = components[0], [str(k) for k in range(len(components[0]))]
        _draw_ellipses(axes, *components)
        handles.append(Line2D([], [], color=INK, linewidth=1.1, label=f"component, {SIGMAS:g} \u03c3"))
    if handles:
        columns = -(-len(handles) // _ROWS_OF_LEGEND)
        axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(1, 1), ncols=columns)
    annotate(figure, axes, anchors, texts)
    return figure


def _draw_points(axes: Axes, points: Floats, groups: Integers) -> None:
    area = float(np.clip(24_000 / max(len(points), 1), 3, 36))
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
            s=area,
            marker=shape,
            alpha=0.75,
            linewidths=0,
            rasterized=True,  # in an SVG, seventy thousand points as vectors would open in no browser
        )


def _draw_ellipses(axes: Axes, means: Floats, covariances: Floats) -> None:
    for mean, covariance in zip(means, covariances, strict=True):
        variances, directions = np.linalg.eigh(covariance)  # ascending: the long axis is the last
        height, width = 2 * SIGMAS * np.sqrt(variances.clip(0))
        angle = np.degrees(np.arctan2(directions[1, 1], directions[0, 1]))
        ellipse = Ellipse((mean[0], mean[1]), width, height, angle=angle, fill=False, edgecolor=INK)
        ellipse.set(linewidth=1.1, zorder=4, path_effects=[withStroke(linewidth=2.6, foreground="white")])
        axes.add_patch(ellipse)


def _dot(group: int, name: str) -> Line2D:
    return Line2D([], [], linestyle="", marker=marker(group), markersize=6.5, color=color(group), label=name)
