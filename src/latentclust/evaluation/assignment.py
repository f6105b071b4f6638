"""Clusters have no names: find the classes that they fit best.

Shapes: N images, K clusters, C classes.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from torch import Tensor

Labels = Tensor | NDArray[np.integer]


def contingency(
    clusters: Labels, labels: Labels, n_clusters: int | None = None, n_classes: int | None = None
) -> NDArray[np.int64]:
    """Count how often each cluster meets each class.

    Parameters
    ----------
    clusters, labels
        Whole numbers ``(N,)``.
    n_clusters, n_classes
        With a count, row (column) ``i`` is cluster (class) ``i``, and absent ones have a row of zeros.
        ``None`` gives the distinct values that occur, in ascending order; they may be any whole numbers.

    Returns
    -------
    NDArray[np.int64]
        Counts ``(K, C)`` with sum N.

    Raises
    ------
    ValueError
        If N is 0, the lengths differ, the values are not whole numbers or reach beyond a given count.
    """
    clusters, labels = whole_numbers(clusters), whole_numbers(labels)
    if clusters.shape != labels.shape or clusters.size == 0:
        raise ValueError(
            f"need one label per cluster and at least one: got {labels.shape} and {clusters.shape}"
        )
    rows, n_rows = _indices(clusters, n_clusters)
    columns, n_columns = _indices(labels, n_classes)
    return np.bincount(rows * n_columns + columns, minlength=n_rows * n_columns).reshape(n_rows, n_columns)


def match_clusters(counts: NDArray[np.integer]) -> NDArray[np.int64]:
    """Assign clusters to classes one to one so that as many images as possible agree (Hungarian method).

    Parameters
    ----------
    counts
        ``(K, C)`` from :func:`contingency`.

    Returns
    -------
    NDArray[np.int64]
        The class of each cluster, ``(K,)``; -1 for those that are left over where K > C.

    Examples
    --------
    >>> match_clusters(np.array([[0, 9], [8, 1], [3, 0]]))
    array([ 1,  0, -1])
    """
    rows, columns = linear_sum_assignment(counts, maximize=True)
    classes = np.full(len(counts), -1, dtype=np.int64)
    classes[rows] = columns
    return classes


def matched_share(counts: NDArray[np.integer]) -> float:
    """Share of the images in ``counts`` ``(K, C)`` that the best one-to-one assignment gets right, in (0, 1].

    Raises
    ------
    ValueError
        If ``counts`` holds no image.
    """
    if not counts.sum():
        raise ValueError("there are no images to compare")
    rows, columns = linear_sum_assignment(counts, maximize=True)
    return float(counts[rows, columns].sum() / counts.sum())


def cluster_accuracy(clusters: Labels, labels: Labels) -> float:
    """Accuracy of a clustering under the best one-to-one assignment to classes (Jiang et al. 2017).

    Parameters
    ----------
    clusters, labels
        Any whole numbers ``(N,)``; there may be more clusters than classes or fewer.

    Returns
    -------
    float
        In (0, 1].

    Raises
    ------
    ValueError
        If N is 0, the lengths differ or the values are not whole numbers.

    Examples
    --------
    >>> cluster_accuracy(np.array([7, 7, 2, 2]), np.array([0, 0, 1, 0]))
    0.75
    """
    return matched_share(contingency(clusters, labels))


def whole_numbers(values: Labels) -> NDArray[np.int64]:
    """Bring clusters or labels ``(N,)`` from any device to NumPy.

    Raises
    ------
    ValueError
        If they are not a line of whole numbers.
    """
    array = values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)
    if array.ndim != 1 or not np.issubdtype(array.dtype, np.integer):
        raise ValueError(f"need a line of whole numbers, got {array.dtype} of shape {array.shape}")
    return array.astype(np.int64, copy=False)


def _indices(values: NDArray[np.int64], count: int | None) -> tuple[NDArray[np.int64], int]:
    """Give each value an index from 0, and the number of indices."""
    if count is None:
        distinct, indices = np.unique(values, return_inverse=True)
        return indices, len(distinct)
    if values.min() < 0 or values.max() >= count:
        raise ValueError(f"values run from {values.min()} to {values.max()}, outside 0 to {count - 1}")
    return values, count
