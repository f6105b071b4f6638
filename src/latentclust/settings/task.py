"""Settings of ``task``: what is run."""

from typing import Literal

from latentclust.settings.base import Section


class Task(Section):
    """What is run."""

    name: Literal[
        "fit",
        "evaluate",
        "predict",
        "generate",
        "export",
        "figures",
        "report",
        "merge",
        "compare",
        "search",
    ] = "fit"
    """Which task."""
