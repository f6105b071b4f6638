"""The clusters that a method without a checkpoint leaves behind."""

from pathlib import Path
from typing import Any

import numpy as np

from latentclust.atomic import whole_file
from latentclust.evaluation.findings import Inputs
from latentclust.evaluation.results import Result


def keep_clusters(folder: Path, inputs: Inputs, own: Result) -> Path:
    """Write ``clusters.npz``: ``clusters`` (N,), and ``labels`` (N,) if there are any.

    Inputs that the pool leaves out have ``test_clusters``, where the method has a place for them, and
    ``test_labels``. Drawn ``points`` (N, D) are written too.
    """
    data = inputs.data
    arrays: dict[str, Any] = {"clusters": own.clusters}
    if data is None:
        arrays |= {"points": inputs.sample, "labels": inputs.labels}
    else:
        arrays["labels"] = data.pool.labels
        if data.held_out is not None:
            arrays |= {"test_clusters": own.test_clusters, "test_labels": data.held_out.labels}
    path = folder / "clusters.npz"
    with whole_file(path) as file:
        np.savez_compressed(file, **{name: array for name, array in arrays.items() if array is not None})
    return path
