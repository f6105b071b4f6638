"""Settings of ``output``: what a run writes beside ``assignments.csv``."""

from latentclust.settings.base import Section


class Output(Section):
    """What is written beside ``assignments.csv``."""

    folders: bool = False
    """A folder per cluster with links to its image files, where the inputs are files."""
    bound: bool = True
    """``task=predict`` with ``input``, and ``task=export``: how well the decoder explains each input;
    false is faster, up to twice as fast where encoder and decoder are alike, and leaves out percentile
    and unlike."""
    codes: bool = False
    """The codes of all rows of ``assignments.csv``, in ``codes.npy``."""
    parquet: bool = False
    """``assignments.parquet`` too; needs pyarrow."""
