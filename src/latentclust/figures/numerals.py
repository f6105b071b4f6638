"""A scatter whose points are the numerals, or the first letters, of their classes."""

from collections.abc import Sequence

import numpy as np
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.path import Path
from matplotlib.textpath import TextPath
from matplotlib.transforms import Affine2D, IdentityTransform

from latentclust.figures.scatter import add_legend, check_points, names_of, plane_axes
from latentclust.figures.style import POINTS_PER_INCH, Floats, Integers, color, new_figure, styled

_FONT = FontProperties(family="DejaVu Sans", weight="bold")
_SMALLEST, _LARGEST = 5.0, 11.0  # points
_LONGEST = 3  # letters
_SHARED = 0.25  # of its width and height that a numeral may lose to another one
_DOT = Path.unit_circle()


@styled
def numeral_scatter(
    points: Floats,
    groups: Integers,
    *,
    title: str,
    group_names: Sequence[str] | None = None,
    axis_labels: tuple[str, str] | None = None,
    size: tuple[float, float] = (7.6, 6.0),
) -> Figure:
    """Draw each point as the numeral of its class, in the color of the class.

    A numeral that would cover another is a dot of the same color instead, so that no point is lost and every
    numeral can be read.

    Parameters
    ----------
    points
        Codes in the plane, (N, 2); about a thousand can be read.
    groups
        The class of each point, (N,); negative means none (a gray dot).
    title
        What is shown: data, model, method, number of images.
    group_names
        A name for each group number: its first letters are drawn, as many as tell it from the others, and
        explained in a legend. The numbers themselves if not given.
    axis_labels
        What the axes measure. Without them the axes carry no ticks, as after t-SNE, whose units mean nothing.
    size
        Width and height in inches, below the title.

    Returns
    -------
    Figure
        One axes with equal scales.

    Raises
    ------
    LatentclustError
        Points, groups and names do not fit together, or a point is not finite.
    """
    check_points(points, groups, 2)
    names = names_of(groups, group_names)
    named = {group: name for group, name in names.items() if group >= 0}
    signs = dict(zip(named, symbols(list(named.values())), strict=True))
    figure = new_figure(*size, title)
    axes = plane_axes(figure, axis_labels)
    axes.update_datalim(points)
    axes.autoscale_view()
    if any(signs[group] != name for group, name in named.items()):
        add_legend(axes, [_entry(group, signs[group], name) for group, name in named.items()])
    figure.draw_without_rendering()  # settles the layout, so that points have a place on the page
    places = axes.transData.transform(points) * (POINTS_PER_INCH / figure.dpi)
    height = float(np.clip(220 / np.sqrt(max(len(points), 1)), _SMALLEST, _LARGEST))
    glyphs = {group: _glyph(signs[group], height) if group >= 0 else _dot(height) for group in names}
    sizes = {group: glyph.get_extents().size for group, glyph in glyphs.items()}
    boxes = np.array([sizes[int(group)] for group in groups]).reshape(-1, 2)
    readable = free_places(places, boxes * (1 - _SHARED)) & (groups >= 0)
    for group in names:
        for chosen, path in (((~readable), _dot(height)), (readable, glyphs[group])):
            if (rows := chosen & (groups == group)).any():
                drawn = PathCollection(
                    [path],
                    sizes=[1.0],  # the path is in points already
                    offsets=points[rows],
                    offset_transform=axes.transData,
                    transform=IdentityTransform(),
                    facecolors=color(group),
                    alpha=1 if chosen is readable else 0.5,
                    linewidths=0,
                    zorder=2 if chosen is readable else 1,
                )
                axes.add_collection(drawn, autolim=False)
    return figure


def symbols(names: Sequence[str]) -> list[str]:
    """Shorten each name to the letters that tell it from the others; numbers stay whole.

    >>> symbols(["Coat", "Sandal", "Shirt", "Sneaker"])
    ['C', 'Sa', 'Sh', 'Sn']
    >>> symbols(["T-shirt/top", "Trouser"])
    ['Ts', 'Tr']
    >>> symbols(["1", "11"])
    ['1', '11']
    """
    letters = ["".join(filter(str.isalnum, name)) or name for name in names]
    short = []
    for name in letters:
        others = [other for other in letters if other != name]
        own = [name[:n] for n in range(1, _LONGEST) if not any(o.startswith(name[:n]) for o in others)]
        short.append(name if name.isdigit() else next(iter(own), name[:_LONGEST]))
    return short


def free_places(centers: Floats, sizes: Floats) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Choose boxes that do not overlap, in a seeded random order that favors no group.

    Parameters
    ----------
    centers, sizes
        Of the boxes, (N, 2) each.

    Returns
    -------
    ndarray
        Whether a box is chosen, (N,). Each box that is not overlaps one that is.
    """
    chosen = np.zeros(len(centers), dtype=bool)
    for i in np.random.default_rng(0).permutation(len(centers)):
        apart = np.abs(centers[chosen] - centers[i]) >= (sizes[chosen] + sizes[i]) / 2
        chosen[i] = apart.any(axis=1).all()
    return chosen


def _glyph(text: str, points: float) -> Path:
    """Return the outline of `text`, in points and around its center."""
    if not text.strip():
        return _dot(points)
    outline = TextPath((0, 0), text, size=points, prop=_FONT, usetex=False)
    box = outline.get_extents()
    return outline.transformed(Affine2D().translate(-(box.x0 + box.x1) / 2, -(box.y0 + box.y1) / 2))


def _dot(height: float) -> Path:
    return _DOT.transformed(Affine2D().scale(0.14 * height))


def _entry(group: int, sign: str, name: str) -> Line2D:
    glyph = _glyph(sign, 1)
    # matplotlib scales a marker so that its farthest vertex lies at half of its size.
    reach = 2 * float(np.abs(glyph.vertices).max())
    return Line2D(
        [], [], linestyle="", marker=glyph, markersize=9 * reach, color=color(group), mew=0, label=name
    )
