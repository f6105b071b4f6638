"""What tells clusters of vectors apart: the mean of each feature in each cluster."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from latentclust.figures.style import Floats, Integers, new_figure, styled

FEATURES = 40  # at most; of more, those by which the clusters differ most


def standardized_means(vectors: Floats, clusters: Integers) -> Floats:
    """Compute each cluster's mean of each feature, in standard deviations from the mean over all.

    Parameters
    ----------
    vectors
        ``(N, P)``, with NaN where a value is missing: those are left out.
    clusters
        ``(N,)``, 0..K-1.

    Returns
    -------
    Floats
        ``(K, P)``; NaN for a cluster without a value, 0 for a constant feature.
    """
    n_clusters = int(clusters.max()) + 1
    known = ~np.isnan(vectors)
    filled = np.where(known, vectors, 0.0).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = filled.sum(axis=0) / known.sum(axis=0)
        deviation = np.sqrt((np.where(known, vectors - mean, 0.0) ** 2).sum(axis=0) / known.sum(axis=0))
        means = np.full((n_clusters, vectors.shape[1]), np.nan)
        for cluster in np.unique(clusters):
            members = clusters == cluster
            means[cluster] = filled[members].sum(axis=0) / known[members].sum(axis=0)
        result: Floats = np.where(deviation > 0, (means - mean) / deviation, 0.0)
    result[np.isnan(means)] = np.nan
    return result


@styled
def profile_map(
    means: Floats, *, feature_names: Sequence[str] | None = None, title: str = "", limit: int = FEATURES
) -> Figure:
    """Draw a heat map of clusters and features.

    Parameters
    ----------
    means
        ``(K, P)``, in standard deviations; see :func:`standardized_means`.
    feature_names
        P names; their places if there are none.
    title
        Of the figure.
    limit
        Features that are drawn; of more, those by which the clusters differ most, in their order.
    """
    names = list(feature_names or [f"x{place + 1}" for place in range(means.shape[1])])
    if means.shape[1] > limit:
        filled = np.nan_to_num(means)
        chosen = np.sort(np.argsort(-filled.var(axis=0), kind="stable")[:limit])
        title = f"{title}; the {limit} of {means.shape[1]:,} features that differ most"
        means, names = means[:, chosen], [names[place] for place in chosen]
    n_clusters, n_features = means.shape
    figure = new_figure(max(6.0, 1.8 + 0.26 * n_features), max(2.4, 1.4 + 0.26 * n_clusters), title)
    axes = figure.add_subplot()
    end = max(1.0, float(np.nanquantile(np.abs(means), 0.98)))
    drawn = axes.imshow(means, cmap="RdBu_r", vmin=-end, vmax=end, aspect="auto")
    axes.set_xticks(range(n_features), names, rotation=90, fontsize=7)
    axes.set_yticks(range(n_clusters), [str(cluster) for cluster in range(n_clusters)], fontsize=7)
    axes.set_ylabel("cluster")
    axes.grid(visible=False)
    figure.colorbar(drawn, ax=axes, label="standard deviations", fraction=0.05, pad=0.02)
    return figure
