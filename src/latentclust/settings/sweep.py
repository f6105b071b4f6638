"""Settings of ``sweep``: where the jobs of a sweep are, so that a stopped one can be finished."""

from typing import Annotated

from pydantic import Field

from latentclust.settings.base import FilePath, Section, Words


class Sweep(Section):
    """A sweep (``-m``)."""

    name: (
        Annotated[
            str,
            Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\-]{0,99}$"),
            Words("letters, digits, _, . and -, with one of the first two in front"),
        ]
        | None
    ) = None
    """Of its folder, ``<output_dir>/multirun/<name>``: the same command again finishes what is there."""
    resume: FilePath | None = None
    """The folder of a sweep to finish: stopped jobs go on, failed ones run again, finished ones are kept."""
