"""A clustering in a few numbers: each cluster's size, how sure its members are, and what they are."""

from typing import Any

import numpy as np

from latentclust.evaluation.assignment import contingency, match_clusters
from latentclust.evaluation.assignments import Assignments

UNCERTAIN = 0.9
"""An input whose cluster is less probable than this is called uncertain."""


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
    sizes = np.bincount(table.clusters, minlength=n_clusters or 0)
    rows: list[dict[str, Any]] = []
    for cluster, size in enumerate(sizes.tolist()):
        row: dict[str, Any] = {"cluster": cluster, "size": size, "share": size / len(table)}
        if table.confidence is not None and size:
            row["confidence"] = float(table.confidence[table.clusters == cluster].mean())
        rows.append(row)
    matched = None
    known = None if table.labels is None else table.labels >= 0
    if table.labels is not None and known is not None and known.any():
        counts = contingency(
            table.clusters[known], table.labels[known], len(sizes), int(table.labels.max()) + 1
        )
        matches = match_clusters(counts)
        matched = float((matches[table.clusters[known]] == table.labels[known]).mean())
        for row, count in zip(rows, counts, strict=True):
            if count.sum():
                best = int(count.argmax())
                row["majority"] = table.class_names[best] if table.class_names else str(best)
                row["purity"] = float(count[best] / count.sum())
    return {
        "inputs": len(table),
        "used": int((sizes > 0).sum()),
        "uncertain": None if table.confidence is None else float((table.confidence < UNCERTAIN).mean()),
        "unlike": None if table.unlike is None else float(table.unlike.mean()),
        "matched": matched,
        "clusters": rows,
    }
