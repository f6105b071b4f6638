"""Settings of ``output``: what a run writes beside ``assignments.csv``."""

from latentclust.settings.base import Section


class Output(Section):
    """What is written beside ``assignments.csv``."""

    folders: bool = False
    """A folder per cluster with links to its image files, where the inputs are files."""
    codes: bool = False
    """The codes of all rows of ``assignments.csv``, in ``codes.npy``."""
    parquet: bool = False
    """``assignments.parquet`` too; needs pyarrow."""
