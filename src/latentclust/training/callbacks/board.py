"""What TensorBoard shows beside the curves: texts, and charts of several curves."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import lightning as L
from lightning.pytorch.loggers import TensorBoardLogger

from latentclust.training.loggers import log_settings

Layout = Mapping[str, Mapping[str, Sequence[str]]]


class Board(L.Callback):
    """Writes TensorBoard's pages TEXT and CUSTOM SCALARS, and the settings for other loggers, at the start.

    Parameters
    ----------
    texts
        Markdown by title.
    layout
        The curves' names by the title of their chart, by the category of the charts.
    given
        The settings that were given.
    """

    def __init__(self, texts: Mapping[str, str], layout: Layout, given: Mapping[str, Any]) -> None:
        self.given = given
        self.texts = texts
        self.layout = layout

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Write them."""
        log_settings(trainer.loggers, self.given)
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger):
                for title, text in self.texts.items():
                    logger.experiment.add_text(title, text, 0)
                logger.experiment.add_custom_scalars(as_custom_scalars(self.layout))


def as_custom_scalars(layout: Layout) -> dict[str, dict[str, list[object]]]:
    """Write a layout as TensorBoard wants it: curves are regular expressions.

    Examples
    --------
    >>> as_custom_scalars({"Clusters": {"accuracy": ["cluster/acc"]}})
    {'Clusters': {'accuracy': ['Multiline', ['^cluster/acc$']]}}
    """
    return {
        category: {
            chart: ["Multiline", [f"^{re.escape(name)}$" for name in names]]
            for chart, names in charts.items()
        }
        for category, charts in layout.items()
    }
