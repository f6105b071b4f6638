"""Draw what the decoder makes of samples, of a plane, of components and of codes."""

from collections.abc import Iterator

import numpy as np
import torch

from latentclust import figures
from latentclust.gallery.pictures import Drawing, in_rows
from latentclust.gallery.view import Floats, View
from latentclust.models import HasCenters, HasMixture, LatentModel, Samples
from latentclust.settings.figures import Plane
from latentclust.training.inference import evaluating

RECONSTRUCTIONS = 20
SAMPLES = 12
MEMBERS = 6
STEPS = 11


def generation(settings: Plane, model: LatentModel, view: View) -> Iterator[Drawing]:
    """Draw what the decoder makes of samples, of a plane, of the way between components, and of codes.

    Nothing is drawn where it makes features of photos, which tell a person nothing.
    """
    if view.inputs.looks is not None:
        return
    with evaluating(model), torch.no_grad():
        if view.merged:
            if view.means is not None:
                yield from centers(
                    model, view, np.bincount(view.clusters, minlength=len(view.means)) / len(view.clusters)
                )
        elif isinstance(model, HasMixture):
            weights = model.mixture_parameters().weights.cpu().numpy()
            yield samples(model, view, weights)
            yield from centers(model, view, weights)
        elif isinstance(model, HasCenters):
            shares = np.bincount(view.clusters, minlength=model.n_clusters) / len(view.clusters)
            yield from centers(model, view, shares)
        elif isinstance(model, Samples):
            images = model.sample(SAMPLES * SAMPLES, torch.Generator(model.device).manual_seed(0))
            grid = in_rows(view.paint(images), SAMPLES)
            yield Drawing(
                "samples",
                f"Generated {view.paint.noun}",
                figures.image_grid(grid, title=f"{view.title}: samples of N(0, I)"),
            )
        if view.codes.shape[1] >= 2:
            yield plane(settings, model, view)
        shown = view.pictures(np.arange(min(RECONSTRUCTIONS, len(view.codes))))
        decoded = view.paint(decode(model, view.codes[:RECONSTRUCTIONS]))
        yield Drawing(
            "reconstructions",
            "Reconstructions",
            figures.reconstructions(
                shown,
                decoded,
                title=f"{view.title}: {view.paint.noun} and their reconstructions",
            ),
        )


def by_weight(weights: Floats) -> tuple[list[int], list[str]]:
    """Order clusters by their weights ``(K,)``, the largest first, and name each with its share."""
    order = torch.from_numpy(weights).argsort(descending=True).tolist()
    return order, [f"{cluster}: {100 * weights[cluster]:.1f} %" for cluster in order]


def samples(model: LatentModel, view: View, weights: Floats) -> Drawing:
    """Draw samples of each component, by the components' weights ``(K,)``."""
    assert isinstance(model, HasMixture)
    order, names = by_weight(weights)
    generator = torch.Generator(model.device).manual_seed(0)
    rows = torch.stack([model.sample(SAMPLES, cluster, generator) for cluster in order])
    return Drawing(
        "samples",
        f"Generated {view.paint.noun}",
        figures.image_grid(
            view.paint(rows), title=f"{view.title}: samples of each component", row_labels=names
        ),
    )


def centers(model: LatentModel, view: View, weights: Floats) -> Iterator[Drawing]:
    """Draw the decoded means of the clusters with their members, and the way from each mean to the next."""
    assert view.means is not None
    assert view.confidence is not None
    order, names = by_weight(weights)
    certain, uncertain = [], []
    for cluster in order:
        members = np.flatnonzero(view.clusters == cluster)
        members = members[np.argsort(view.confidence[members], kind="stable")]
        uncertain.append(view.pictures(members[:MEMBERS]))
        certain.append(view.pictures(members[::-1][:MEMBERS]))
    yield Drawing(
        "prototypes",
        "Prototypes, with their most and least certain members",
        figures.prototypes(
            view.paint(decode(model, view.means[order])),
            certain,
            uncertain,
            title=f"{view.title}: decoded means, most and least certain members",
            row_labels=names,
        ),
    )
    pairs = list(zip(order, order[1:] + order[:1], strict=True)) if len(order) > 1 else []
    if pairs:
        codes = np.stack([figures.between(view.means[a], view.means[b], STEPS) for a, b in pairs])
        yield Drawing(
            "interpolation",
            "From component to component",
            figures.interpolation(
                view.paint(decode(model, codes)),
                title=f"{view.title}: from one component's mean to the next",
                row_labels=[f"{a} to {b}" for a, b in pairs],
            ),
        )


def plane(settings: Plane, model: LatentModel, view: View) -> Drawing:
    """Draw the decoded grid over two latent dimensions, the others fixed at the codes' mean.

    Its range is ``settings.limit`` either way; None takes 3 for a VAE, whose codes follow N(0, I), and
    for the others what holds 98 % of the codes along each axis.
    """
    first, second = (min(int(dim), view.codes.shape[1] - 1) for dim in settings.dims)
    limit = 3.0 if settings.limit is None and isinstance(model, Samples) else settings.limit
    if limit is None:
        across, up = figures.plane_ranges(view.codes, dims=(first, second))
        ranges = (with_width(across), with_width(up))
        center = view.codes.mean(axis=0)
    else:
        ranges = ((-limit, limit), (-limit, limit))
        center = np.zeros(view.codes.shape[1])
    codes = figures.plane_codes(
        view.codes.shape[1], dims=(first, second), limit=ranges, n=settings.n, center=center
    )
    return Drawing(
        "plane",
        "The latent plane, decoded",
        figures.plane_grid(
            view.paint(decode(model, codes)),
            ranges,
            title=f"{view.title}: the decoded latent plane",
            axis_labels=(f"z{first + 1}", f"z{second + 1}"),
        ),
    )


def with_width(axis: tuple[float, float]) -> tuple[float, float]:
    """Widen the range of a dimension that has collapsed to a point."""
    low, high = axis
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def decode(model: LatentModel, codes: Floats) -> torch.Tensor:
    """Decode codes ``(..., D)`` of a view as inputs ``(..., *S)``."""
    return model.decode(torch.from_numpy(np.ascontiguousarray(codes)).float().to(model.device))
