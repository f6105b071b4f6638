"""The number of clusters: a criterion's value for each K."""

from collections.abc import Mapping

from matplotlib.figure import Figure

from latentclust.errors import LatentclustError
from latentclust.figures.style import INK, color, new_figure, styled


@styled
def number_of_clusters(
    curve: Mapping[int, float],
    chosen: int,
    *,
    title: str,
    ylabel: str,
    threshold: float | None = None,
) -> Figure:
    """Draw a criterion against K, the chosen K marked.

    Parameters
    ----------
    curve
        The criterion's value for each K.
    chosen
        The K that was taken.
    title, ylabel
        What is shown, and what the values are.
    threshold
        A value that a K must reach, drawn as a line.

    Raises
    ------
    LatentclustError
        The chosen K is not on the curve.
    """
    if chosen not in curve:
        raise LatentclustError(f"K = {chosen} is not among those of the curve")
    figure = new_figure(7.2, 3.4, title)
    axes = figure.add_subplot()
    axes.plot(list(curve), list(curve.values()), color=color(0), marker="o", markersize=4, linewidth=1.6)
    axes.plot([chosen], [curve[chosen]], color=color(1), marker="o", markersize=10, linestyle="none")
    axes.annotate(f"K = {chosen}", (chosen, curve[chosen]), (6, 8), textcoords="offset points")
    if threshold is not None:
        axes.axhline(threshold, color=INK, linewidth=1, linestyle=":")
    axes.set(xlabel="number of clusters K", ylabel=ylabel)
    axes.margins(y=0.15)
    axes.grid(True, axis="y")
    return figure
