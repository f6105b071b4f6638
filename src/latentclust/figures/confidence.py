"""Whether a model is right as often as it is confident."""

from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator, PercentFormatter, StrMethodFormatter
from numpy.typing import NDArray

from latentclust.errors import LatentclustError
from latentclust.figures.style import (
    MUTED,
    SMALL_SIZE,
    Floats,
    Integers,
    color,
    new_figure,
    styled,
    text_width,
)

_ROUNDING = 1e-4  # how far above 1 the responsibilities of a float32 or bfloat16 network may come to lie
_NUMBER_SIZE = SMALL_SIZE - 1.5
_WIDTH = 4.4  # inches that the axes have at least


class Calibration(NamedTuple):
    """Images binned by their confidence, and how often those of a bin are right."""

    edges: Floats
    """Of the B bins, (B + 1,): bin b is (edges[b], edges[b + 1]], and the first one holds 0 too."""
    counts: Integers
    """Images of each bin, (B,)."""
    confidence: Floats
    """Their mean confidence, (B,); NaN where there is none."""
    accuracy: Floats
    """The share of them that is right, (B,); NaN where there is none."""
    error: float
    """The expected calibration error in [0, 1]."""


def calibration(confidence: Floats, correct: NDArray[np.bool_], n_bins: int = 10) -> Calibration:
    """Compare confidence with accuracy in bins of equal width.

    The expected calibration error is sum_b n_b / N |accuracy_b - confidence_b| (Guo et al. 2017, "On
    Calibration of Modern Neural Networks").

    Parameters
    ----------
    confidence
        Of each image, in [0, 1], (N,).
    correct
        Whether its cluster is matched to its class, (N,).
    n_bins
        B.

    Raises
    ------
    LatentclustError
        There are no images or no bins, the two differ in shape, or a confidence is out of range.
    """
    if confidence.ndim != 1 or not len(confidence) or correct.shape != confidence.shape or n_bins < 1:
        raise LatentclustError(
            "a calibration needs the confidence of N >= 1 images, whether each is correct, and n_bins >= 1, "
            f"not {confidence.shape}, {correct.shape} and {n_bins}"
        )
    if not ((confidence >= -_ROUNDING) & (confidence <= 1 + _ROUNDING)).all():
        raise LatentclustError(
            f"a confidence lies in [0, 1], not in [{confidence.min():.3g}, {confidence.max():.3g}]: "
            "pass gamma.max(axis=1)"
        )
    if correct.dtype != bool:
        raise LatentclustError(f"correct is an array of True and False, not of {correct.dtype}")
    exact = confidence.astype(np.float64).clip(0, 1)
    edges = np.linspace(0, 1, n_bins + 1)
    bins = np.maximum(np.searchsorted(edges, exact, side="left") - 1, 0)
    counts = np.bincount(bins, minlength=n_bins)
    sums, hits = (np.bincount(bins, weights=weights, minlength=n_bins) for weights in (exact, correct))
    some = counts > 0
    means, shares = np.full(n_bins, np.nan), np.full(n_bins, np.nan)
    means[some], shares[some] = sums[some] / counts[some], hits[some] / counts[some]
    error = float(np.abs(hits - sums).sum() / len(exact))
    return Calibration(edges, counts, means, shares, error)


@styled
def reliability(confidence: Floats, correct: NDArray[np.bool_], *, title: str, n_bins: int = 10) -> Figure:
    """Draw accuracy against confidence, and below it how many images have which confidence.

    Parameters
    ----------
    confidence
        The largest responsibility of each image, in [0, 1], (N,).
    correct
        Whether its cluster is matched to its class, (N,).
    title
        What is shown: data, model, epoch.
    n_bins
        Bins of equal width.

    Returns
    -------
    Figure
        A reliability diagram with the expected calibration error, over a histogram on a logarithmic scale.

    Raises
    ------
    LatentclustError
        See :func:`calibration`.
    """
    found = calibration(confidence, correct, n_bins)
    figure = new_figure(5.6, 6.2, title)
    grid = figure.add_gridspec(2, 1, height_ratios=(2.4, 1))
    upper = figure.add_subplot(grid[0])
    lower = figure.add_subplot(grid[1], sharex=upper)
    _draw_bins(upper, found)
    summary = (
        f"expected calibration error {found.error:.3f}\n"
        f"accuracy {correct.mean():.1%}, mean confidence {confidence.mean():.1%}"
    )
    upper.set_title(summary, fontsize=SMALL_SIZE, color=MUTED, linespacing=1.4)
    _draw_counts(lower, found)
    return figure


def _draw_bins(axes: Axes, found: Calibration) -> None:
    some = found.counts > 0
    left, widths = found.edges[:-1][some], np.diff(found.edges)[some]
    bars: dict[str, Any] = {"align": "edge", "width": widths, "linewidth": 0.8}
    accuracy, confidence = found.accuracy[some], found.confidence[some]
    axes.bar(left, accuracy, color=color(0), edgecolor="white", label="accuracy", **bars)
    axes.bar(
        left,
        confidence - accuracy,
        bottom=accuracy,
        facecolor="none",
        edgecolor=color(6),
        hatch="////",
        label="gap to the mean confidence",
        **bars,
    )
    axes.plot([0, 1], [0, 1], linestyle=(0, (4, 3)), color=MUTED, linewidth=1.2, label="as good as it claims")
    axes.set(xlim=(0, 1), ylim=(0, 1), ylabel="accuracy")
    axes.set_yticks(np.linspace(0, 1, 6))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1))
    axes.tick_params(labelbottom=False)
    axes.grid(True)
    # On white: where little confidence is often right, bars reach up to here.
    axes.legend(loc="upper left", frameon=True, edgecolor="none", framealpha=0.85)


def _draw_counts(axes: Axes, found: Calibration) -> None:
    """Draw the histogram; each bar carries its number if all of them fit."""
    widths = np.diff(found.edges)
    axes.bar(found.edges[:-1], found.counts, widths, align="edge", color=color(0), edgecolor="white")
    # A bin of one image must show as a bar, and an empty one as none.
    axes.set(yscale="log", ylim=(0.5, 4.0 * max(int(found.counts.max()), 3)))
    axes.set(xlabel="confidence, max \u03b3", ylabel="images")
    axes.yaxis.set_major_locator(LogLocator(10, numticks=4))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.grid(True, axis="y")
    texts = [f"{count:,}" if count else "" for count in found.counts.tolist()]
    if max(text_width(text, _NUMBER_SIZE) for text in texts) > 0.95 * _WIDTH / len(texts):
        return
    for left, width, count, text in zip(found.edges[:-1], widths, found.counts.tolist(), texts, strict=True):
        if count:
            place: dict[str, Any] = {"ha": "center", "va": "bottom", "fontsize": _NUMBER_SIZE, "color": MUTED}
            label = axes.annotate(
                text, (left + width / 2, count), (0, 2), textcoords="offset points", **place
            )
            label.set_in_layout(False)
