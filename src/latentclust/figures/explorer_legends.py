"""The explorer's legends: groups that a click hides, and the scale of the confidence."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from bokeh.models import ColumnDataSource, LinearColorMapper, NumeralTickFormatter
from bokeh.models.annotations import ColorBar, Legend, LegendItem
from bokeh.plotting import figure

from latentclust.figures.colorings import Coloring
from latentclust.figures.style import INK, MUTED, text_width

FONT = "system-ui, sans-serif"
_ROWS = 20
_SIZE = 13  # pixels
_POINTS_PER_PIXEL = 0.75
_TITLE: Any = {
    "title_text_font": FONT,
    "title_text_font_size": f"{_SIZE}px",
    "title_text_font_style": "bold",
    "title_text_color": MUTED,
}


def add_legend(plot: figure, coloring: Coloring) -> Legend | ColorBar:
    """Put the legend of a coloring to the right of the plot, or its scale."""
    legend = _scale(coloring) if coloring.scale else _legend(plot, coloring)
    plot.add_layout(legend, "right")
    return legend


def width_of(colorings: Sequence[Coloring]) -> int:
    """Return the pixels that the widest legend and the toolbar beside it take, and rather some more."""
    widths = [
        _columns(coloring) * (26 + max(_pixels(group.name) for group in coloring.groups))
        for coloring in colorings
        if coloring.groups
    ]
    return 60 + round(max(widths))


def _pixels(text: str) -> float:
    return 96 * text_width(text, _POINTS_PER_PIXEL * _SIZE)


def _columns(coloring: Coloring) -> int:
    return -(-len(coloring.groups) // _ROWS)


def _scale(coloring: Coloring) -> ColorBar:
    return ColorBar(
        color_mapper=LinearColorMapper(palette=list(coloring.scale), low=coloring.low, high=1),
        title=coloring.name,
        title_standoff=8,
        formatter=NumeralTickFormatter(format="0%"),
        name=f"{coloring.key}-legend",
        width=14,
        bar_line_color=None,
        major_label_text_font=FONT,
        major_label_text_color=MUTED,
        major_tick_line_color=None,
        **_TITLE,
    )


def _legend(plot: figure, coloring: Coloring) -> Legend:
    nowhere = ColumnDataSource({"x": [np.nan], "y": [np.nan]})
    items = []
    # A dot that is nowhere for each entry, to be hidden by a click; the page then hides the group's points.
    # With a renderer for each group, the last group would cover all others.
    for group in coloring.groups:
        dot: Any = plot.scatter(
            "x",
            "y",
            source=nowhere,
            name=f"{coloring.key} {group.number}",
            marker=group.marker,
            fill_color=group.color,
            line_color=None,
            size=9,
        )
        items.append(LegendItem(label=group.name, renderers=[dot]))
    return Legend(
        items=items,
        title=coloring.name,
        name=f"{coloring.key}-legend",
        click_policy="hide",
        ncols=_columns(coloring),
        border_line_color=None,
        spacing=1,
        label_text_font=FONT,
        label_text_font_size=f"{_SIZE}px",
        label_text_color=INK,
        inactive_fill_alpha=0.75,
        **_TITLE,
    )
