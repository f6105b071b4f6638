"""How far points are from each other: what grows meaningless in high dimension."""

import numpy as np
from matplotlib.figure import Figure

from latentclust.errors import LatentclustError
from latentclust.figures.style import INK, Floats, color, new_figure, styled

_BINS = 120


@styled
def distance_histogram(within: Floats, between: Floats, *, title: str) -> Figure:
    """Draw the distances of pairs of points, in units of their mean, from zero on.

    In few dimensions pairs in one group are near and others far. In many dimensions all distances are nearly
    the same (Beyer et al. 1999), and the two histograms become one.

    Parameters
    ----------
    within, between
        Distances of pairs in one group and in two groups; where `between` is empty, groups are not known.
    title
        What is shown: data, number of dimensions.

    Raises
    ------
    LatentclustError
        There are no pairs, or all distances are zero.
    """
    pairs = np.concatenate([within, between])
    if not pairs.any():
        raise LatentclustError("a histogram of distances needs two points that differ")
    mean = pairs.mean()
    edges = np.linspace(0, pairs.max() / mean, _BINS + 1)
    kinds = {"same group": (within, 0), "different groups": (between, 1)}
    if not len(between):
        kinds = {"all pairs": (within, 8)}
    figure = new_figure(7.2, 3.4, title)
    axes = figure.add_subplot()
    for label, (distances, number) in kinds.items():
        if not len(distances):
            continue
        counts, _ = np.histogram(distances / mean, edges)
        # Each kind as a share of its own pairs: there are far more pairs of different groups.
        shares = counts / len(distances)
        axes.stairs(shares, edges, fill=True, color=color(number), alpha=0.35)
        axes.stairs(shares, edges, color=color(number), linewidth=1.6, label=label)
    axes.axvline(1, color=INK, linewidth=1, linestyle=":")
    axes.set(xlabel="distance / mean distance", ylabel="share of the pairs", xlim=(0, edges[-1]))
    axes.set_ylim(bottom=0)
    axes.grid(True, axis="y")
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderaxespad=0, handlelength=1.2)
    return figure
