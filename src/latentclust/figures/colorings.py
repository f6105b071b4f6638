"""What the dots of the explorer are colored by: groups with a legend, or a scale."""

from collections.abc import Sequence
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.colors import to_hex

from latentclust.figures.style import MARKERS, Floats, Integers, color, marker

# Matplotlib's markers by Bokeh's names; Bokeh's own "x" is a line, which cannot be filled.
_SHAPES = dict(
    zip(
        MARKERS,
        ("circle", "triangle", "square", "diamond", "inverted_triangle", "plus", "square_pin", "star"),
        strict=True,
    )
)
# Up to 0.88: the yellow at viridis' end vanishes on white. The dark end goes to what is rare and of interest.
_SCALE = tuple(to_hex(rgba) for rgba in mpl.colormaps["viridis"](np.linspace(0, 0.88, 64)))


class Group(NamedTuple):
    """An entry of a legend."""

    number: int
    name: str
    color: str
    marker: str


class Coloring(NamedTuple):
    """One way to color M points."""

    key: str
    """What the columns of the plot's data start with."""
    name: str
    """What a reader chooses it by."""
    colors: list[str]
    """Of each point, as #rrggbb."""
    markers: list[str]
    """Of each point, by Bokeh's names."""
    numbers: Integers | None = None
    """The group of each point, (M,); None for a scale."""
    groups: tuple[Group, ...] = ()
    """The legend; empty for a scale."""
    scale: tuple[str, ...] = ()
    """Colors from `low` to 1; empty for groups."""
    low: float = 0.0
    """Where the scale starts."""


def by_group(key: str, numbers: Integers, names: Sequence[str] | None = None) -> Coloring:
    """Color by class or cluster, with the colors and markers of the other figures.

    Parameters
    ----------
    key
        ``cluster`` or ``label``.
    numbers
        The group of each point, (M,); negative means none.
    names
        A name for each number; the numbers themselves if not given.
    """
    present, counts = np.unique(numbers, return_counts=True)
    groups = tuple(
        Group(number, f"{_short(name_of(number, names))} ({count})", color(number), _SHAPES[marker(number)])
        for number, count in zip(present.tolist(), counts.tolist(), strict=True)
    )
    of = {group.number: group for group in groups}
    return Coloring(
        key,
        key.capitalize(),
        [of[number].color for number in numbers.tolist()],
        [of[number].marker for number in numbers.tolist()],
        numbers.astype(np.int32),
        groups,
    )


def by_confidence(confidence: Floats) -> Coloring:
    """Color by confidence (M,) in [0, 1], from the tenth below the lowest one to 1."""
    low = min(float(np.floor(10 * confidence.min()) / 10), 0.9)
    places = np.rint((confidence - low) / (1 - low) * (len(_SCALE) - 1)).astype(int)
    return Coloring(
        "confidence",
        "Confidence",
        [_SCALE[place] for place in places.tolist()],
        [_SHAPES["o"]] * len(confidence),
        scale=_SCALE,
        low=low,
    )


def name_of(number: int, names: Sequence[str] | None) -> str:
    """Return what to call a class or cluster."""
    return "none" if number < 0 else names[number] if names else str(number)


def _short(name: str, length: int = 24) -> str:
    return name if len(name) <= length else f"{name[: length - 1]}\u2026"
