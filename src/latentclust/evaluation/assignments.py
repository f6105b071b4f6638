"""What is said of each input: its cluster, how sure that is, and how usual the input is.

Shapes: N inputs, K clusters.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Integers = NDArray[np.integer]
Booleans = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Assignments:
    """A row for each of N inputs; what a method does not know is None.

    Attributes
    ----------
    split
        What the inputs are: ``pool``, ``test`` (held out) or ``new``.
    clusters
        ``(N,)``.
    ids
        What each input is called, N names; None: by their places from ``start`` on.
    start
        The place of the first input in its set.
    confidence, second, second_probability
        The cluster's probability, the second-best cluster and its probability, each ``(N,)``.
    bounds, bound_name
        How well the method explains each input ``(N,)``, higher is better, and what that is called.
    percentiles, unlike
        Which percentile of the pool the bound is, and whether that is below the 1st: each ``(N,)``.
    labels, class_names
        The true groups ``(N,)``, below 0 where unknown, and what they are called.
    """

    split: str
    clusters: Integers
    ids: tuple[str, ...] | None = None
    start: int = 0
    confidence: Floats | None = None
    second: Integers | None = None
    second_probability: Floats | None = None
    bounds: Floats | None = None
    bound_name: str = "bound"
    percentiles: Floats | None = None
    unlike: Booleans | None = None
    labels: Integers | None = None
    class_names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.clusters)

    def columns(self) -> dict[str, Sequence[Any] | NDArray[Any]]:
        """Return the columns by their names, without those that are not known."""
        places = np.arange(self.start, self.start + len(self))
        found: dict[str, Sequence[Any] | NDArray[Any] | None] = {
            "id": places if self.ids is None else self.ids,
            "split": [self.split] * len(self),
            "cluster": self.clusters,
            "confidence": self.confidence,
            "second": self.second,
            "second_probability": self.second_probability,
            self.bound_name: self.bounds,
            "percentile": self.percentiles,
            "unlike": self.unlike,
            "label": self.label_names(),
        }
        return {name: column for name, column in found.items() if column is not None}

    def label_names(self) -> list[str | int | None] | None:
        """Return what each input's true group is called, None where that is not known."""
        if self.labels is None:
            return None
        names: Sequence[str | int] = self.class_names or range(int(self.labels.max(initial=-1)) + 1)
        return [names[label] if label >= 0 else None for label in self.labels.tolist()]


def ranked(
    gamma: Floats, clusters: Integers | None = None
) -> tuple[Integers, Floats, Integers | None, Floats | None]:
    """Find each input's best and second-best cluster, and their probabilities.

    Parameters
    ----------
    gamma
        Rows of probabilities, or of other scores, ``(N, K)``.
    clusters
        The best ones ``(N,)``, where they are known already.

    Returns
    -------
    tuple
        Best clusters, their probabilities, second-best clusters and theirs, each ``(N,)``; the latter two
        are None of a single cluster.

    Examples
    --------
    >>> ranked(np.array([[0.1, 0.6, 0.3]]))
    (array([1]), array([0.6]), array([2]), array([0.3]))
    """
    rows = np.arange(len(gamma))
    clusters = gamma.argmax(axis=1) if clusters is None else clusters
    confidence = gamma[rows, clusters]
    if gamma.shape[1] < 2:
        return clusters, confidence, None, None
    others = gamma.copy()
    others[rows, clusters] = -np.inf
    second = others.argmax(axis=1)
    return clusters, confidence, second, gamma[rows, second]


def as_text(name: str, column: Sequence[Any] | NDArray[Any]) -> list[str]:
    """Write a column's cells: numbers with six digits, percentiles with two decimals, nothing for None."""
    if isinstance(column, np.ndarray) and column.dtype == np.bool_:
        return ["true" if value else "false" for value in column.tolist()]
    if isinstance(column, np.ndarray) and column.dtype.kind == "f":
        pattern = "%.2f" if name == "percentile" else "%.6g"
        return [pattern % value for value in column.tolist()]
    values = column.tolist() if isinstance(column, np.ndarray) else column
    return ["" if value is None else str(value) for value in values]


def chunks(table: Assignments, size: int) -> Iterator[Assignments]:
    """Cut a table into parts of ``size`` rows, so that no more text than that is in memory."""
    if not len(table):
        yield table
    for start in range(0, len(table), size):
        part: dict[str, Any] = {}
        for field in fields(table):
            value = getattr(table, field.name)
            cut = isinstance(value, np.ndarray) or (field.name == "ids" and value is not None)
            part[field.name] = value[start : start + size] if cut else value
        yield Assignments(**part | {"start": table.start + start})
