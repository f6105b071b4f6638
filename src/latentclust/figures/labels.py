"""Numbers and names written onto a plot, moved apart so that none covers another."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from latentclust.figures.style import MUTED, POINTS_PER_INCH, TEXT_SIZE, Floats, text_width

_GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))  # a spiral of this angle tries the directions evenly
_TRIES = 4096
_HALO = [withStroke(linewidth=2.6, foreground="white")]
_LINE = {"arrowstyle": "-", "color": MUTED, "linewidth": 0.8, "shrinkA": 0, "shrinkB": 0}


def spread(anchors: Floats, sizes: Floats, bounds: Floats) -> Floats:
    """Place one box near each anchor so that no two boxes overlap.

    Each box in turn walks a spiral outward from its anchor and takes the first free place.

    Parameters
    ----------
    anchors
        Where the boxes would like their centers, (K, 2).
    sizes
        Widths and heights, (K, 2).
    bounds
        The boxes stay between (0, 0) and this corner, (2,).

    Returns
    -------
    Floats
        Centers, (K, 2). A box for which the bounds leave no room stays on its anchor.
    """
    steps = np.arange(_TRIES)
    spiral = np.sqrt(steps)[:, None] * np.stack(
        [np.cos(_GOLDEN_ANGLE * steps), np.sin(_GOLDEN_ANGLE * steps)], axis=1
    )
    centers = np.empty(anchors.shape)
    for k, (anchor, size) in enumerate(zip(anchors, sizes, strict=True)):
        tries = anchor + 0.35 * size.min() * spiral
        inside = ((tries >= size / 2) & (tries <= bounds - size / 2)).all(axis=1)
        distance = np.abs(tries[:, None] - centers[None, :k])
        free = (distance >= (size + sizes[None, :k]) / 2).any(axis=2).all(axis=1)
        centers[k] = tries[np.argmax(inside & free)]
    return centers


def annotate(figure: Figure, axes: Axes, anchors: Floats, texts: Sequence[str]) -> None:
    """Write `texts` at their `anchors` (K, 2), in data coordinates; one that had to move gets a line.

    Call it last: the places hold for the limits the axes have now.
    """
    figure.draw_without_rendering()  # settles the layout, so that data coordinates have a place on the page
    scale = POINTS_PER_INCH / figure.dpi
    places = (axes.transData.transform(anchors) - axes.bbox.p0) * scale
    widths = [text_width(text, TEXT_SIZE, bold=True) * POINTS_PER_INCH for text in texts]
    sizes = np.array([(width, TEXT_SIZE) for width in widths]) + 0.35 * TEXT_SIZE
    shifts = spread(places, sizes, np.array(axes.bbox.size) * scale) - places
    for anchor, shift, text in zip(anchors, shifts, texts, strict=True):
        where: dict[str, Any] = {"xy": tuple(anchor), "xytext": tuple(shift), "textcoords": "offset points"}
        if np.hypot(*shift) > TEXT_SIZE:
            axes.annotate("", **where, arrowprops=_LINE, zorder=5).set_in_layout(False)
        label = axes.annotate(
            text, **where, ha="center", va="center", fontweight="bold", path_effects=_HALO, zorder=6
        )
        label.set_in_layout(False)
