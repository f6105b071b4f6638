"""What several seeds give: every run a dot, and for each group of runs their mean and its interval."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from latentclust.figures.style import (
    INK,
    MUTED,
    NO_GROUP,
    PALETTE,
    SMALL_SIZE,
    new_figure,
    styled,
    text_width,
)

WIDTH, ROW = 5.6, 0.36  # inches
LONGEST = 34  # letters of a group's name
SPREAD = 0.16  # of a row, so that equal dots lie beside each other


@styled
def seed_dots(
    groups: Mapping[str, Sequence[float]],
    intervals: Mapping[str, tuple[float, float] | None],
    *,
    title: str,
    unit: str,
) -> Figure:
    """Draw a row for each group, the first one on top.

    Parameters
    ----------
    groups
        The groups' values, one for each seed.
    intervals
        Of the groups' means; None for a single seed.
    title
        What is shown.
    unit
        Of the values.
    """
    names = [name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…" for name in groups]
    left = max((text_width(name, SMALL_SIZE) for name in names), default=0.0)
    figure = new_figure(max(WIDTH, left + 3.2), 0.9 + ROW * max(1, len(groups)), title)
    axes = figure.add_subplot()
    for row, (name, values) in enumerate(groups.items()):
        dots = np.asarray(values, dtype=float)
        # Around the row's middle, in the order of the seeds.
        heights = row + SPREAD * (np.arange(len(dots)) - (len(dots) - 1) / 2) / max(1, len(dots) - 1)
        axes.scatter(dots, heights, s=30, color=PALETTE[0], alpha=0.85, linewidths=0, zorder=3, label="seed")
        interval = intervals.get(name)
        if interval is not None:
            axes.plot(
                interval, [row, row], color=NO_GROUP, alpha=0.6, linewidth=9, solid_capstyle="butt", zorder=1
            )
        axes.plot([dots.mean()] * 2, [row - 0.26, row + 0.26], color=INK, linewidth=2, zorder=4)
    axes.set_yticks(range(len(names)), names, color=INK)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=True, axis="x")
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(f"{unit}; dot: a seed, bar: the mean, band: its 95 % interval", color=MUTED, loc="right")
    return figure
