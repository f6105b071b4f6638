"""Draw a run: the figures and the report."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np
import torch
from matplotlib.figure import Figure

from latentclust import figures
from latentclust.data import ImageDataModule
from latentclust.evaluation import contingency, match_clusters
from latentclust.inference import in_chunks
from latentclust.models import VAE, LatentModel, VaDE
from latentclust.tasks.measure import Result
from latentclust.tasks.pictures import as_pictures
from latentclust.tasks.run import Run
from latentclust.tasks.summary import Summary

SCATTER_POINTS = 4000
RECONSTRUCTIONS = 10
SAMPLES = 12


def show(
    run: Run,
    data: ImageDataModule,
    model: LatentModel,
    results: Sequence[Result],
    history: Mapping[str, Sequence[tuple[int, float]]],
    summary: Summary,
) -> None:
    """Write ``figures/*.png`` and ``report.html`` into the run's folder."""
    model.to(data.pool.images.device).eval()
    drawn = dict(draw(data, model, results, history, f"{summary.model} on {summary.data}"))
    paths = {
        caption: figures.save(figure, run.folder / "figures" / name)
        for caption, (name, figure) in drawn.items()
    }
    figures.render_report(asdict(summary), paths, run.folder / "report.html")


def draw(
    data: ImageDataModule,
    model: LatentModel,
    results: Sequence[Result],
    history: Mapping[str, Sequence[tuple[int, float]]],
    title: str,
) -> dict[str, tuple[str, Figure]]:
    """Draw what the model and the data have to show: caption to file name and figure."""
    own = results[-1]
    drawn = {"Latent space": ("latent.png", latent(data, model, own, title))}
    if data.pool.labels is not None and data.n_classes:
        counts = contingency(own.clusters, data.pool.labels, int(own.clusters.max()) + 1, data.n_classes)
        drawn["Clusters and classes"] = (
            "confusion.png",
            figures.confusion_matrix(
                counts,
                title=f"{title}: clusters by {own.method}, against classes",
                class_names=data.class_names,
                matches=match_clusters(counts).tolist(),
            ),
        )
    if isinstance(model, VAE | VaDE):
        drawn["Generated images"] = ("samples.png", samples(model, title))
    originals = data.pool.images[:: max(1, len(data.pool) // RECONSTRUCTIONS)][:RECONSTRUCTIONS]
    drawn["Reconstructions"] = (
        "reconstructions.png",
        figures.reconstructions(
            as_pictures(originals.float() / 255),
            as_pictures(in_chunks(model, originals)),
            title=f"{title}: images and their reconstructions",
        ),
    )
    if history:
        drawn["Training"] = ("curves.png", figures.training_curves(history, title=f"{title}: training"))
    return drawn


def latent(data: ImageDataModule, model: LatentModel, own: Result, title: str) -> Figure:
    """Draw the codes in the plane in which they vary most, colored by class (by cluster without labels)."""
    chosen = np.random.default_rng(0).permutation(len(data.pool))[:SCATTER_POINTS]
    codes = in_chunks(model.encode, data.pool.images[torch.from_numpy(chosen)]).cpu().double().numpy()
    plane = figures.pca_plane(codes)
    labels = own.clusters if data.pool.labels is None else data.pool.labels
    components = None
    if isinstance(model, VaDE):
        mixture = model.prior.mixture_parameters()
        components = plane.project_components(
            mixture.means.cpu().double().numpy(), mixture.variances.cpu().double().numpy()
        )
    return figures.latent_scatter(
        plane.project(codes),
        labels.numpy()[chosen],
        title=f"{title}: latent space",
        group_names=data.class_names or None,
        components=components,
        axis_labels=plane.labels,
    )


def samples(model: VAE | VaDE, title: str) -> Figure:
    """Draw generated images: a row for each of VaDE's components, ordered by pi; from N(0, I) for a VAE."""
    generator = torch.Generator(model.device).manual_seed(0)
    if isinstance(model, VaDE):
        weights = model.prior.mixture_parameters().weights.cpu()
        order = weights.argsort(descending=True).tolist()
        rows = torch.stack([model.sample(SAMPLES, cluster, generator) for cluster in order])
        names = [f"{cluster}: {100 * weights[cluster]:.1f} %" for cluster in order]
        return figures.image_grid(
            as_pictures(rows), title=f"{title}: samples of each component", row_labels=names
        )
    images = model.sample(SAMPLES * SAMPLES, generator)
    rows = images.reshape(SAMPLES, SAMPLES, *images.shape[1:])
    return figures.image_grid(as_pictures(rows), title=f"{title}: samples of N(0, I)")
