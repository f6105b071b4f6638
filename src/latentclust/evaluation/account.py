"""A clustering in a few numbers: each cluster's size, how sure its members are, and what they are."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentclust.evaluation.assignment import contingency, match_clusters
from latentclust.evaluation.assignments import Assignments, Integers

UNCERTAIN = 0.9
"""An input whose cluster is less probable than this is called uncertain."""
SHARES = ("uncertain", "unlike")


class Tally:
    """Sums a table up, part by part.

    Parameters
    ----------
    n_clusters
        K; None for those that occur.
    """

    def __init__(self, n_clusters: int | None = None) -> None:
        self.sizes = np.zeros(n_clusters or 0, dtype=np.int64)
        self.confidence: NDArray[Any] | None = None
        self.counts: Integers | None = None
        self.sums: dict[str, int] = {}
        self.n = 0
        self.class_names: tuple[str, ...] = ()

    def add(self, table: Assignments) -> None:
        """Count some rows; all parts have the same columns."""
        self.n += len(table)
        n = max(len(self.sizes), int(table.clusters.max(initial=-1)) + 1)
        self.sizes = _sum(self.sizes, np.bincount(table.clusters, minlength=n))
        if table.confidence is not None:
            confidence: NDArray[Any] = np.bincount(table.clusters, table.confidence, n)
            self.confidence = confidence if self.confidence is None else _sum(self.confidence, confidence)
            self._count("uncertain", table.confidence < UNCERTAIN)
        if table.unlike is not None:
            self._count("unlike", table.unlike)
        known = None if table.labels is None else table.labels >= 0
        if table.labels is not None and known is not None and known.any():
            self.class_names = table.class_names
            n_classes = max(len(table.class_names), int(table.labels.max()) + 1)
            counts = contingency(table.clusters[known], table.labels[known], n, n_classes)
            self.counts = counts if self.counts is None else _sum(self.counts, counts)

    def _count(self, name: str, marked: NDArray[np.bool_]) -> None:
        self.sums[name] = self.sums.get(name, 0) + int(marked.sum())

    def plain(self) -> dict[str, Any]:
        """Return what :func:`account` says."""
        rows: list[dict[str, Any]] = []
        for cluster, size in enumerate(self.sizes.tolist()):
            row: dict[str, Any] = {"cluster": cluster, "size": size, "share": size / self.n}
            if self.confidence is not None and size:
                row["confidence"] = float(self.confidence[cluster] / size)
            rows.append(row)
        matched = None
        if self.counts is not None:
            matches = match_clusters(self.counts)
            right = [row[match] for row, match in zip(self.counts, matches, strict=True) if match >= 0]
            matched = float(sum(right) / self.counts.sum())
            for row, count in zip(rows, self.counts, strict=True):
                if count.sum():
                    best = int(count.argmax())
                    row["majority"] = self.class_names[best] if self.class_names else str(best)
                    row["purity"] = float(count[best] / count.sum())
        shares = {name: self.sums[name] / self.n if name in self.sums else None for name in SHARES}
        used = int((self.sizes > 0).sum())
        return {"inputs": self.n, "used": used, **shares, "matched": matched, "clusters": rows}


def account(table: Assignments, n_clusters: int | None = None) -> dict[str, Any]:
    """Sum a table up, in plain values.

    Parameters
    ----------
    table
        N rows.
    n_clusters
        K; None for those that occur.

    Returns
    -------
    dict[str, Any]
        ``inputs``, N; ``used``, the clusters that occur; ``uncertain`` and ``unlike``, shares of the inputs,
        None where not known; ``matched``, the share whose cluster's class is their own, None without labels;
        ``clusters``, a row for each: ``cluster``, ``size``, ``share``, ``confidence``, and with labels
        ``majority``, the class that most of its members have, and ``purity``, the share of these.
    """
    tally = Tally(n_clusters)
    tally.add(table)
    return tally.plain()


def _sum(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    """Add arrays of different lengths: what one of them lacks is 0."""
    total = np.zeros(np.maximum(a.shape, b.shape), dtype=a.dtype)
    for part in (a, b):
        total[tuple(slice(side) for side in part.shape)] += part
    return total
