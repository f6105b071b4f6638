"""The explorer's plot, as the JSON from which BokehJS draws it."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
from bokeh.core.types import ID
from bokeh.embed import json_item
from bokeh.models import (
    BooleanFilter,
    BoxZoomTool,
    CDSView,
    ColumnDataSource,
    DataRange1d,
    HoverTool,
    PanTool,
    ResetTool,
    WheelZoomTool,
)
from bokeh.plotting import figure
from bokeh.resources import Resources

from latentclust.figures.colorings import Coloring
from latentclust.figures.explorer_legends import FONT, add_legend, width_of
from latentclust.figures.style import GRID, INK, MUTED, Floats
from latentclust.figures.thumbnails import Sheet

HEIGHT = 560  # pixels, so that plot and controls fit on a laptop's screen
THUMBNAIL = 112  # pixels, about, to which an image is enlarged
# Bokeh's types do not know all of what a dot may look like under the mouse.
_HOVERED: Any = {
    "hover_fill_color": "color",
    "hover_line_color": INK,
    "hover_fill_alpha": 1,
    "hover_line_width": 2,
}


def bokeh_js() -> str:
    """Return the BokehJS that the plot needs: its core, without widgets, tables, WebGL and MathJax."""
    resources = Resources(mode="inline", components=["bokeh"], minified=True, log_level="warn")
    return "\n".join(resources.js_raw)


def plot_item(
    planes: Mapping[str, Floats],
    axis_labels: Mapping[str, tuple[str, str]],
    colorings: Sequence[Coloring],
    facts: Mapping[str, Any],
    sheet: Sheet,
    target: str,
) -> dict[str, Any]:
    """Describe the plot for ``Bokeh.embed.embed_item``.

    Parameters
    ----------
    planes
        Points (M, 2) by the name of their plane; the first is drawn.
    axis_labels
        What the axes measure, by plane; one that is not named here has no ticks.
    colorings
        Ways to color the points; the first is used.
    facts
        Columns that the tooltip shows, (M,) each.
    sheet
        The images, in the order of the points.
    target
        The id of the page's element to draw into.

    Returns
    -------
    dict
        JSON, the same for the same input.
    """
    # The wheel zooms with Ctrl only: a page that stops scrolling where a plot lies under the mouse is a trap.
    zoom = WheelZoomTool(modifiers={"ctrl": True})
    plot = figure(
        name="plot",
        height=HEIGHT,
        sizing_mode="stretch_width",
        match_aspect=True,  # a circle stays a circle
        x_range=DataRange1d(range_padding=0.08),
        y_range=DataRange1d(range_padding=0.08),
        tools=[PanTool(), BoxZoomTool(match_aspect=True), zoom, ResetTool()],
        active_scroll=zoom,
        outline_line_color=None,
        toolbar_location="right",
        min_border_right=width_of(colorings),  # the same for every coloring: the dots stay where they are
    )
    plot.toolbar.logo = None
    _style_axes(plot, next(iter(planes)), axis_labels)
    _add_points(plot, planes, colorings, facts, sheet)
    for coloring in colorings:
        add_legend(plot, coloring).visible = coloring is colorings[0]
    item: dict[str, Any] = _renumbered(json_item(plot, ID(target)))
    return item


def _add_points(
    plot: figure,
    planes: Mapping[str, Floats],
    colorings: Sequence[Coloring],
    facts: Mapping[str, Any],
    sheet: Sheet,
) -> None:
    count = len(next(iter(planes.values())))
    scale = max(1, round(THUMBNAIL / max(sheet.width, sheet.height)))
    left, top = scale * sheet.corners(count).T
    columns = {**facts, "left": left, "top": top}
    corners = {}
    for i, plane in enumerate(planes.values()):
        for axis, values in zip("xy", plane.T.astype(np.float32), strict=True):
            columns[f"{axis}{i}"] = values
            corners[f"{axis}{i}"] = np.array([values.min(), values.max()])
    for coloring in colorings:
        columns[f"{coloring.key}-color"] = coloring.colors
        columns[f"{coloring.key}-marker"] = coloring.markers
        if coloring.numbers is not None:
            columns[f"{coloring.key}-group"] = coloring.numbers
    columns |= {name: columns[f"{colorings[0].key}-{name}"] for name in ("color", "marker")}
    columns |= {name: columns[f"{name}0"] for name in "xy"}
    corners |= {name: corners[f"{name}0"] for name in "xy"}

    # The ranges follow these two and not the points: hiding a group must not move the others.
    anchor = plot.scatter("x", "y", source=ColumnDataSource(corners, name="corners"), alpha=0)
    plot.x_range.renderers = plot.y_range.renderers = [anchor]  # type: ignore[attr-defined]
    dots = plot.scatter(
        "x",
        "y",
        source=ColumnDataSource(columns, name="points"),
        view=CDSView(filter=BooleanFilter(booleans=[True] * count, name="shown")),
        fill_color="color",
        marker="marker",
        size=float(np.clip(290 / np.sqrt(count), 5, 11)),
        fill_alpha=0.75,
        line_color=None,
        **_HOVERED,
    )
    # One tooltip, of the dot on top: the last in the order of drawing.
    hover = HoverTool(
        renderers=[dots],
        tooltips=_tooltip(list(facts), sheet, scale),
        limit=1,
        visible=False,  # always on: no button
        sort_by=[("$index", "descending")],
    )
    plot.add_tools(hover)


def _tooltip(facts: Sequence[str], sheet: Sheet, scale: int) -> str:
    """Write the tooltip; Bokeh puts the columns' values in for @{name}, escaped."""
    picture = (
        f"flex:none;box-sizing:content-box;width:{scale * sheet.width}px;height:{scale * sheet.height}px;"
        "background-image:var(--explorer-sheet);image-rendering:pixelated;"
        f"background-size:{scale * sheet.columns * sheet.width}px {scale * sheet.rows * sheet.height}px;"
        f"background-position:-@{{left}}px -@{{top}}px;border:1px solid {GRID}"
    )
    shown = {"confidence": "@{confidence}{0.0%}"}
    rows = "".join(
        f'<div style="color:{MUTED}">{escape(name.capitalize())}</div>'
        f'<div style="font-weight:600" data-fact="{escape(name)}">{shown.get(name, f"@{{{name}}}")}</div>'
        for name in facts
    )
    table = f"display:grid;grid-template-columns:auto auto;gap:2px 10px;font:13px/1.5 {FONT};color:{INK}"
    return (
        '<div style="display:flex;gap:12px;align-items:center;padding:4px">'
        f'<div role="img" data-thumbnail style="{picture}"></div><div style="{table}">{rows}</div></div>'
    )


def _style_axes(plot: figure, first: str, axis_labels: Mapping[str, tuple[str, str]]) -> None:
    labels = axis_labels.get(first)
    for axis, name, label in zip(
        (*plot.xaxis, *plot.yaxis), ("x-axis", "y-axis"), labels or ("", ""), strict=True
    ):
        axis.update(name=name, axis_label=label, visible=labels is not None)
        axis.update(axis_line_color=None, major_tick_line_color=None, minor_tick_line_color=None)
        axis.update(axis_label_text_font=FONT, axis_label_text_font_style="normal")
        axis.update(axis_label_text_color=MUTED, major_label_text_font=FONT, major_label_text_color=MUTED)
    for grid in plot.grid:
        grid.update(grid_line_color=GRID, visible=labels is not None)


def _renumbered(item: Any) -> Any:
    """Count Bokeh's ids from the first one in the plot: its own go on counting from plot to plot."""
    known = {old: f"p{i}" for i, old in enumerate(dict.fromkeys(_ids(item)))}

    def renumber(node: Any) -> Any:
        if isinstance(node, dict):
            return {
                key: known[value] if key in ("id", "root_id") else renumber(value)
                for key, value in node.items()
            }
        return [renumber(part) for part in node] if isinstance(node, list | tuple) else node

    return renumber(item)


def _ids(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "id" in node:
            yield node["id"]
        node = list(node.values())
    if isinstance(node, list | tuple):
        for part in node:
            yield from _ids(part)
