"""Draw what a model and its inputs have to show: arrays of a view in, figures by file name out."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import numpy as np
import torch

from latentclust import figures, progress
from latentclust.data import DataModule
from latentclust.evaluation import contingency, match_clusters
from latentclust.evaluation.results import Result
from latentclust.evaluation.unlabeled import sampled
from latentclust.gallery.decoded import generation
from latentclust.gallery.members import members
from latentclust.gallery.oddities import oddities
from latentclust.gallery.pictures import Drawing
from latentclust.gallery.view import Floats, View
from latentclust.models import LatentModel
from latentclust.settings.figures import Embedding, Plane
from latentclust.training.inference import Looked

History = Mapping[str, Sequence[tuple[int, float]]]
Planes = Mapping[str, Floats]

# Vectors whose means are drawn at most.
PROFILED = 100_000
EMBEDDINGS = {"tsne": "t-SNE", "umap": "UMAP"}


def draw(
    settings: Plane,
    data: DataModule,
    model: LatentModel,
    view: View,
    planes: Planes,
    own: Result,
    history: History,
    looked: Looked | None = None,
) -> Iterator[Drawing]:
    """Draw everything, in the order of the report.

    Parameters
    ----------
    settings
        Of the decoded grid.
    data, model, view
        The inputs, the model on their device, and how it sees a sample of them.
    planes
        The embeddings of its first inputs; see :func:`embed`.
    own
        The model's own clustering.
    history
        Pairs of epoch and value by the metric's name; none are drawn if it is empty.
    looked
        What the model says of the pool; what is odd about it is not drawn without.
    """
    yield from latent_space(view)
    yield from members(view)
    yield from embeddings(view, planes)
    yield from clustering(data, view, own)
    yield from profiles(data, view, own)
    if looked is not None:
        yield from oddities(looked, data.class_names, view.title)
    yield from generation(settings, model, view)
    if history:
        yield Drawing("curves", "Training", figures.training_curves(history, title=f"{view.title}: training"))


def latent_space(view: View) -> Iterator[Drawing]:
    """Draw the codes in the plane in which they vary most: by cluster, by class, by confidence.

    The components are numbered where the colors are those of the clusters, so that one number is one color.
    """
    points, title = view.plane.project(view.codes), f"{view.title}: latent space"
    groups, names = view.groups
    scatter = partial(figures.latent_scatter, points, axis_labels=view.plane.labels)
    by_cluster = partial(scatter, groups=view.clusters, components=view.components)
    if view.labels is None:
        yield Drawing("latent", "Latent space", by_cluster(title=title))
    else:
        own = by_cluster(title=f"{title}, by cluster")
        yield Drawing("latent_clusters", "Latent space, by cluster", own)
        by_class = scatter(groups=groups, title=f"{title}, by class", group_names=names)
        yield Drawing("latent", "Latent space, by class", by_class)
    if view.confidence is not None:
        by_confidence = figures.confidence_scatter(
            points,
            view.confidence,
            title=f"{title}, by confidence",
            components=view.components,
            axis_labels=view.plane.labels,
        )
        yield Drawing("latent_confidence", "Latent space, by confidence", by_confidence)
    if view.codes.shape[1] == 3:
        yield Drawing(
            "latent_3d",
            "Latent space, its three dimensions",
            figures.latent_scatter_3d(view.codes, groups, title=title, group_names=names),
        )


def embed(settings: Embedding, seed: int, view: View) -> Planes:
    """Embed a view's codes and its raw pixels, each as points ``(M, 2)``."""
    if settings.method == "none":
        return {}
    spaces = {"latent space": view.codes, "inputs" if view.paint.limit else "raw pixels": view.pixels}
    planes = {}
    for space, vectors in spaces.items():
        name = f"{EMBEDDINGS[settings.method]} of the {space}"
        with progress.task(name):
            planes[name], _ = figures.project(
                vectors,
                settings.method,
                seed=seed,
                size=len(vectors),
                perplexity=settings.perplexity,
                max_iter=settings.max_iter,
            )
    return planes


def embeddings(view: View, planes: Planes) -> Iterator[Drawing]:
    """Draw the embeddings, each input as its class's numeral."""
    groups, names = view.groups
    for name, points in planes.items():
        figure = figures.numeral_scatter(
            points, groups[: len(points)], title=f"{view.title}: {name}", group_names=names
        )
        yield Drawing(name.lower().replace("-", "").replace(" of the ", "_").replace(" ", "_"), name, figure)


def profiles(data: DataModule, view: View, own: Result) -> Iterator[Drawing]:
    """Draw what tells the clusters of vectors apart: the mean of each raw feature in each cluster."""
    if data.raw_pool is None:
        return
    chosen = sampled(len(data.raw_pool), PROFILED)
    raw = data.raw_pool[torch.from_numpy(chosen)].cpu().numpy()
    means = figures.standardized_means(raw, own.clusters.numpy()[chosen])
    yield Drawing(
        "profiles",
        "What tells the clusters apart",
        figures.profile_map(
            means,
            feature_names=data.description.feature_names,
            title=f"{view.title}: mean of each feature, in standard deviations from its mean over all",
        ),
    )


def clustering(data: DataModule, view: View, own: Result) -> Iterator[Drawing]:
    """Draw clusters against classes, and confidence against accuracy."""
    if data.pool.labels is None or not data.n_classes:
        return
    counts = contingency(own.clusters, data.pool.labels, int(own.clusters.max()) + 1, data.n_classes)
    matches = match_clusters(counts)
    title = f"{view.title}: clusters by {own.method}, against classes"
    yield Drawing(
        "confusion",
        "Clusters and classes",
        figures.confusion_matrix(counts, title=title, class_names=data.class_names, matches=matches.tolist()),
    )
    if view.confidence is not None and view.labels is not None:
        correct = np.append(matches, np.full(view.clusters.max() + 1, -1))[view.clusters] == view.labels
        yield Drawing(
            "reliability",
            "Confidence and accuracy",
            figures.reliability(view.confidence, correct, title=f"{view.title}: confidence against accuracy"),
        )
