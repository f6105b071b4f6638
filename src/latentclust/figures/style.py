"""One look for all figures: palette, fonts, text measuring, and a safe way to the disk."""

import io
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path
from numpy.typing import NDArray

from latentclust.atomic import whole_file

Floats = NDArray[np.floating]
Integers = NDArray[np.integer]

# Petroff, "Accessible Color Sequences for Data Visualization", 2021: ten colors that stay apart
# under protanopia, deuteranopia and tritanopia, where matplotlib's own ten do not.
PALETTE = (
    "#3f90da",
    "#ffa90e",
    "#bd1f01",
    "#94a4a2",
    "#832db6",
    "#a96b59",
    "#e76300",
    "#b9ac70",
    "#717581",
    "#92dadd",
)
MARKERS = ("o", "^", "s", "D", "v", "P", "X", "*")  # a second channel: group 10 is not group 0
INK, MUTED, PALE, GRID, NO_GROUP = "#1f2933", "#5f6b7a", "#8b97a5", "#e4e7eb", "#c5cbd3"

DPI = 150
TITLE_SIZE, TEXT_SIZE, SMALL_SIZE = 12.0, 10.0, 8.5  # points
POINTS_PER_INCH = 72
MARGIN = 0.15  # inches

# The type of the keys differs between versions of matplotlib.
RC: Any = {
    "figure.dpi": DPI,
    "savefig.dpi": DPI,
    "figure.facecolor": "white",
    "figure.constrained_layout.w_pad": 0.1,
    "figure.constrained_layout.h_pad": 0.1,
    "savefig.facecolor": "white",
    "font.family": ["DejaVu Sans"],  # ships with matplotlib, so a figure looks the same everywhere
    "font.size": TEXT_SIZE,
    "text.color": INK,
    "text.parse_math": False,  # a class named "$5 to $10" is a name, not an equation
    "axes.titlelocation": "left",
    "axes.labelsize": TEXT_SIZE,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": "#9aa5b1",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": False,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": SMALL_SIZE,
    "ytick.labelsize": SMALL_SIZE,
    "legend.frameon": False,
    "legend.fontsize": SMALL_SIZE,
    "lines.linewidth": 1.8,
    "svg.hashsalt": "latentclust",  # the same figure gives the same bytes
}

styled = mpl.rc_context(RC)
"""Decorator: what the function draws wears the house style, and nothing else does."""


def color(group: int) -> str:
    """Return the color of a class or cluster; negative numbers mean "no group" and are gray."""
    return PALETTE[group % len(PALETTE)] if group >= 0 else NO_GROUP


def marker(group: int) -> str:
    """Return the marker of a class or cluster: it changes when the colors start over."""
    return MARKERS[group // len(PALETTE) % len(MARKERS)] if group >= 0 else MARKERS[0]


def text_width(text: str, points: float, *, bold: bool = False) -> float:
    """Measure one line of text in inches, from the glyphs and without a renderer."""
    font = FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal", size=points)
    return float(text_to_path.get_text_width_height_descent(text, font, ismath=False)[0]) / POINTS_PER_INCH


def wrapped(text: str, points: float, inches: float) -> str:
    """Break bold text into lines of at most `inches`, between words."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, points, bold=True) <= inches:
            lines[-1] = longer
        else:
            lines.append(word)
    return "\n".join(lines)


def new_figure(width: float, height: float, title: str) -> Figure:
    """Make a figure that belongs to no global state: a title, and `width` by `height` inches below it."""
    lines = wrapped(title, TITLE_SIZE, width - 2 * MARGIN)
    figure = Figure(figsize=(width, height + heading_height(lines)), layout="constrained")
    figure.suptitle(lines, x=MARGIN / width, ha="left", fontsize=TITLE_SIZE, fontweight="bold")
    return figure


def heading_height(lines: str) -> float:
    """Return the inches that a title of these lines takes, with the space around it."""
    return (1.3 * TITLE_SIZE * (lines.count("\n") + 1) + 10) / POINTS_PER_INCH


@styled
def save(figure: Figure, path: str | Path, svg: bool = False) -> Path:
    """Write `figure` as PNG, whole or not at all.

    Parameters
    ----------
    figure
        The figure; the same figure gives the same bytes on every call.
    path
        Where to, with or without ``.png``; missing folders are made.
    svg
        Also write an ``.svg`` beside it.

    Returns
    -------
    Path
        The PNG file.

    Raises
    ------
    LatentclustError
        The place cannot be written.
    """
    path = Path(path)
    stem = path.stem if path.suffix == ".png" else path.name
    png = path.with_name(f"{stem}.png")
    for form in (
        ("png", "svg") if svg else ("png",)
    ):  # in this order: drawing moves a constrained layout a bit
        content = _render(figure, form)
        with whole_file(path.with_name(f"{stem}.{form}")) as file:
            file.write(content)
    return png


def _render(figure: Figure, form: str) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format=form, metadata={"Date": None} if form == "svg" else None)
    return buffer.getvalue()
