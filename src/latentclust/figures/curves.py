"""How a training went, epoch by epoch."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from latentclust.figures.style import MUTED, TEXT_SIZE, color, new_figure, styled

_FEW = 30  # up to this many points are marked one by one
_PANEL = (4.8, 3.1)  # inches
_COLUMNS = 2


class _Panel(NamedTuple):
    title: str
    unit: str
    labels: dict[str, str]
    """The metrics' names, as they are logged, and what they are called here."""


_TEST = ", test"
"""Ends the labels of images that are not trained on: dashed, in the color of those that are."""


def _scores(title: str, method: str) -> _Panel:
    labels = {}
    for score in ("acc", "nmi", "ari"):
        labels[f"{method}/{score}"] = score.upper()
        labels[f"{method}_test/{score}"] = f"{score.upper()}{_TEST}"
    return _Panel(title, "score", labels)


_OBJECTIVE = _Panel(
    "Objective",
    "per image",
    # The ELBO is drawn as the loss it is, so that it is the sum of its terms and falls like them.
    {
        "train/elbo": "\u2212ELBO",
        "test/elbo": f"\u2212ELBO{_TEST}",
        "train/reconstruction": "reconstruction",
        "test/reconstruction": f"reconstruction{_TEST}",
    },
)
_DIVERGENCE = _Panel(
    "Divergence from the prior",
    "nats per image",
    {
        "train/kl_z": "KL of z",
        "test/kl_z": f"KL of z{_TEST}",
        "train/kl_c": "KL of c",
        "test/kl_c": f"KL of c{_TEST}",
    },
)
_SELF_TRAINING = _Panel("Self-training", "nats per image", {"train/self_training": "cross-entropy"})
_SCORES = (
    _scores("Agreement with the labels", "cluster"),
    _scores("Agreement of k-means with the labels", "kmeans"),
    _scores("Agreement of a GMM with the labels", "gmm"),
)
_USED = _Panel(
    "Clusters in use", "clusters", {"cluster/used": "in use", "cluster_test/used": f"in use{_TEST}"}
)
_LEARNING_RATE = _Panel(
    "Learning rate",
    "step size",
    {"learning_rate/networks": "networks", "learning_rate/mixture": "mixture"},
)
_PANELS = (_OBJECTIVE, _DIVERGENCE, _SELF_TRAINING, *_SCORES, _USED, _LEARNING_RATE)


@styled
def training_curves(history: Mapping[str, Sequence[tuple[float, float]]], *, title: str) -> Figure:
    """Draw the objective and its terms, the scores, the clusters in use and the learning rate.

    Parameters
    ----------
    history
        Pairs of epoch and value, by the name a metric is logged under (``train/elbo``, ``cluster/acc``,
        ``learning_rate/networks``). Names that belong to no panel are left out.
    title
        What is shown: data, model.

    Returns
    -------
    Figure
        One axes for each panel that has data; a figure that says so if none has. What is measured on images
        that are not trained on is dashed and measured as the curve of its color is, but on images that are
        not augmented and after the epoch: where it turns away from that curve, the model overfits.
    """
    found = [(panel, lines) for panel in _PANELS if (lines := _lines(panel, history))]
    columns = min(_COLUMNS, max(1, len(found)))
    rows = max(1, -(-len(found) // columns))
    figure = new_figure(_PANEL[0] * columns, _PANEL[1] * rows, title)
    if not found:
        figure.text(0.5, 0.45, "no measurements yet", ha="center", color=MUTED)
    for place, (panel, lines) in enumerate(found, 1):
        _draw(figure.add_subplot(rows, columns, place), panel, lines)
    return figure


def _lines(panel: _Panel, history: Mapping[str, Sequence[tuple[float, float]]]) -> dict[str, np.ndarray]:
    """Collect the curves of a panel: label -> (T, 2)."""
    return {
        label: np.asarray(history[name], dtype=float) * (1, -1 if name.endswith("/elbo") else 1)
        for name, label in panel.labels.items()
        if len(history.get(name, ()))
    }


def _draw(axes: Axes, panel: _Panel, lines: dict[str, np.ndarray]) -> None:
    terms = list(dict.fromkeys(label.removesuffix(_TEST) for label in lines))
    for label, line in lines.items():
        epochs, values = line.T
        shade, test = color(terms.index(label.removesuffix(_TEST))), label.endswith(_TEST)
        axes.plot(
            epochs,
            values,
            marker="o" if len(line) <= _FEW else "",
            markersize=3.5,
            markerfacecolor="white" if test else shade,
            linestyle="--" if test else "-",
            color=shade,
            label=f"{label}  {values[-1]:.4g}",
        )
    # Where each term has its twin, the legend has the twins under them, and need not name them again.
    rows = 2 if len(lines) == 2 * len(terms) else 1
    entries = [str(line.get_label()) for line in axes.lines]
    if rows == 2:
        entries = [f"test{text.split(_TEST)[1]}" if _TEST in text else text for text in entries]
    axes.set_title(panel.title, fontsize=TEXT_SIZE, fontweight="bold", pad=8 + 14 * rows)
    axes.set(xlabel="epoch", ylabel=panel.unit)
    axes.grid(True)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    values = np.concatenate([line[:, 1] for line in lines.values()])
    values = values[np.isfinite(values)]
    low, high = values.min(initial=0), values.max(initial=1)
    if panel in _SCORES:
        axes.set_ylim(low, high)
    elif panel is _USED:
        axes.set_ylim(0, 1.15 * high)
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    # Between title and panel, where no curve can run beneath it.
    axes.legend(
        axes.lines,
        entries,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=-(-len(lines) // rows),
        borderaxespad=0,
        handlelength=1.6,
        columnspacing=1.2,
    )
