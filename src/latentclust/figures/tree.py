"""How clusters merge: a dendrogram."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from scipy.cluster.hierarchy import dendrogram

from latentclust.errors import LatentclustError
from latentclust.figures.style import INK, Floats, color, new_figure, styled


@styled
def merge_tree(tree: Floats, names: Sequence[str], *, title: str, height: float | None = None) -> Figure:
    """Draw a tree of clusters, the ones that overlap most joined first.

    Parameters
    ----------
    tree
        ``(K - 1, 4)``, as :mod:`scipy.cluster.hierarchy` has it.
    names
        Of the K leaves.
    title
        What is shown.
    height
        Where it is cut, drawn as a line.

    Raises
    ------
    LatentclustError
        There are fewer than two leaves, or a name for each is missing.
    """
    if len(tree) < 1 or len(names) != len(tree) + 1:
        raise LatentclustError(f"a tree of {len(tree) + 1} clusters needs at least 2 and a name for each")
    figure = new_figure(7.2, 1.2 + 0.2 * len(names), title)
    axes = figure.add_subplot()
    dendrogram(
        tree,
        labels=list(names),
        orientation="right",
        ax=axes,
        color_threshold=0,
        above_threshold_color=color(0),
        leaf_font_size=8,
    )
    if height is not None:
        axes.axvline(height, color=INK, linewidth=1, linestyle=":")
    axes.set(xlabel="mean Bhattacharyya distance of what is joined", ylabel="cluster, share")
    return figure
