"""How a training went, epoch by epoch."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from latentclust.figures.style import MUTED, TEXT_SIZE, color, new_figure, styled

_FEW = 30  # up to so many points are marked one by one
_PANEL = (4.8, 3.1)  # inches
_COLUMNS = 2


class _Panel(NamedTuple):
    title: str
    unit: str
    labels: dict[str, str]
    """The metrics' names, as they are logged, and what they are called here."""


_OBJECTIVE = _Panel(
    "Objective",
    "per image",
    # The ELBO is drawn as the loss it is, so that it is the sum of its terms and falls like them.
    {
        "train/elbo": "\u2212ELBO",
        "test/elbo": "\u2212ELBO, test",
        "train/reconstruction": "reconstruction",
        "test/reconstruction": "reconstruction, test",
    },
)
_DIVERGENCE = _Panel(
    "Divergence from the prior", "nats per image", {"train/kl_z": "KL of z", "train/kl_c": "KL of c"}
)
_SCORES = _Panel(
    "Agreement with the labels",
    "score",
    {
        "cluster/acc": "ACC",
        "cluster/nmi": "NMI",
        "cluster/ari": "ARI",
        "kmeans/acc": "ACC, k-means",
        "gmm/acc": "ACC, GMM",
    },
)
_USED = _Panel("Clusters in use", "clusters", {"cluster/used": "in use"})
_LEARNING_RATE = _Panel(
    "Learning rate",
    "step size",
    {"learning_rate/networks": "networks", "learning_rate/mixture": "mixture"},
)
_PANELS = (_OBJECTIVE, _DIVERGENCE, _SCORES, _USED, _LEARNING_RATE)


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
        One axes for each panel that has data; a figure that says so if none has.
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
    for number, (label, line) in enumerate(lines.items()):
        epochs, values = line.T
        dots = "o" if len(line) <= _FEW else ""
        last = f"{label}  {values[-1]:.4g}"
        axes.plot(epochs, values, dots + "-", markersize=3.5, color=color(number), label=last)
    axes.set_title(panel.title, fontsize=TEXT_SIZE, fontweight="bold", pad=22)
    axes.set(xlabel="epoch", ylabel=panel.unit)
    axes.grid(True)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    values = np.concatenate([line[:, 1] for line in lines.values()])
    values = values[np.isfinite(values)]
    low, high = values.min(initial=0), values.max(initial=1)
    if panel is _SCORES:
        axes.set_ylim(low, high)
    elif panel is _USED:
        axes.set_ylim(0, 1.15 * high)
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    # Between title and panel, where no curve can run beneath it.
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=len(lines), borderaxespad=0, handlelength=1.2)
