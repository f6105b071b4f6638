"""What there is to draw of a model and its inputs, as arrays."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentclust import figures
from latentclust.data import DataModule, Split, as_floats
from latentclust.figures.style import color
from latentclust.gallery.pictures import SIDE, Painter, Pictures, as_thumbnails, pictures_of, tinted
from latentclust.models import Clusters, HasCenters, HasMixture, LatentModel
from latentclust.training.inference import evaluating, in_chunks

Floats = NDArray[np.floating]
Integers = NDArray[np.integer]

POINTS = 4000
SMALL = 64  # pixels of a photo that belongs to a dot, at most


@dataclass(frozen=True)
class View:
    """A fixed sample of the pool as the model sees it, M inputs; the same inputs for every model and epoch.

    Attributes
    ----------
    title
        What every title begins with: model and data.
    paint
        Makes pictures of inputs like these.
    inputs
        The inputs as they are stored, preprocessed, on the CPU, with the pictures that they were made of.
    pixels
        The inputs as they are, ``(M, P)``: vectors, or images with all their channels in [0, 1].
    codes
        ``(M, D)``.
    clusters
        ``(M,)``.
    labels
        ``(M,)``, or None.
    class_names
        Of the labels; empty without them.
    confidence
        The largest responsibility ``(M,)``, or None where the clusters are not a mixture's own.
    means, variances
        Of the mixture's components, each ``(K, D)``, or None; a model with centers alone has these as means,
        and merged clusters have the means of their codes.
    merged
        Whether the clusters are the model's own, merged.
    """

    title: str
    paint: Painter
    inputs: Split
    pixels: Floats
    codes: Floats
    clusters: Integers
    labels: Integers | None
    class_names: tuple[str, ...]
    confidence: Floats | None
    means: Floats | None
    variances: Floats | None
    merged: bool = False

    @classmethod
    def of(
        cls,
        data: DataModule,
        model: LatentModel,
        title: str,
        clusters: Tensor | None = None,
        into: Tensor | None = None,
    ) -> "View":
        """Look at a model's sample of the pool.

        Parameters
        ----------
        data, model, title
            The run's; the inputs lie on the model's device.
        clusters
            The pool's ``(N,)``, for a model without clusters of its own; None takes the classes for them.
        into
            The merged cluster of each of the model's ``(K,)``; None: they are not merged.
        """
        chosen = torch.from_numpy(np.random.default_rng(0).permutation(len(data.pool))[:POINTS])
        images = data.pool.inputs[chosen.to(data.pool.inputs.device)]
        labels = None if data.pool.labels is None else data.pool.labels.cpu()[chosen].numpy()
        confidence = means = variances = None
        with evaluating(model):
            codes = in_chunks(model.encode, images).cpu().double().numpy()
            if isinstance(model, Clusters):
                gamma = in_chunks(model.predict_proba, images).cpu().double().numpy()
                own, confidence = gamma.argmax(axis=1), gamma.max(axis=1)
            elif clusters is not None:
                own = clusters.cpu()[chosen].numpy()
            else:
                own = np.zeros(len(chosen), dtype=np.int64) if labels is None else labels
            if isinstance(model, HasCenters):
                means = model.cluster_centers().cpu().double().numpy()
            if isinstance(model, HasMixture):
                mixture = model.mixture_parameters()
                means = mixture.means.detach().cpu().double().numpy()
                variances = mixture.variances.detach().cpu().double().numpy()
        if into is not None and isinstance(model, Clusters):
            own = into.numpy()[own]
            sums = np.zeros((len(gamma), int(into.max()) + 1))
            np.add.at(sums.T, into.numpy(), gamma.T)
            confidence = sums[np.arange(len(own)), own].clip(max=1)  # sums of rounded numbers
            means, variances = means_of(codes, own, sums.shape[1]), None
        unit = as_floats(images).cpu()
        paint = Painter.of(unit)
        pixels = unit.flatten(start_dim=1).double().nan_to_num().numpy()
        return cls(
            title,
            paint,
            Split(images.cpu(), None, looks=None if data.pool.looks is None else data.pool.looks[chosen]),
            pixels,
            codes,
            own,
            labels,
            data.class_names,
            confidence,
            means,
            variances,
            into is not None,
        )

    @cached_property
    def plane(self) -> figures.Plane:
        """The plane in which the codes vary most."""
        return figures.pca_plane(self.codes)

    @property
    def components(self) -> tuple[Floats, Floats] | None:
        """The mixture's components in that plane: means ``(K, 2)`` and covariances ``(K, 2, 2)``."""
        if self.means is None or self.variances is None:
            return None
        return self.plane.project_components(self.means, self.variances)

    def pictures(self, places: Integers, side: int = SIDE) -> Pictures:
        """Draw some of the inputs, ``(n, H, W, C)`` in [0, 1]; ``side`` as for :func:`pictures_of`."""
        return pictures_of(self.inputs, torch.from_numpy(places.copy()), self.paint, side)

    @cached_property
    def small_pictures(self) -> Pictures:
        """All inputs as dots show them, ``(M, H, W, C)``."""
        return self.pictures(np.arange(len(self.codes)), SMALL)

    @property
    def thumbnails(self) -> Tensor:
        """The images for TensorBoard's projector, ``(M, 3, S, S)``, in the colors of their clusters."""
        return as_thumbnails(tinted(self.small_pictures, [color(int(c)) for c in self.clusters]))

    def first(self, size: int) -> "View":
        """Return a view of the first inputs alone; the sample is in random order."""
        return replace(
            self,
            inputs=self.inputs[:size],
            pixels=self.pixels[:size],
            codes=self.codes[:size],
            clusters=self.clusters[:size],
            labels=None if self.labels is None else self.labels[:size],
            confidence=None if self.confidence is None else self.confidence[:size],
        )

    @property
    def groups(self) -> tuple[Integers, tuple[str, ...] | None]:
        """What colors tell apart: the classes where there are labels, else the clusters."""
        return (self.clusters, None) if self.labels is None else (self.labels, self.class_names)


def means_of(codes: Floats, clusters: Integers, n_clusters: int) -> Floats:
    """Return the mean code of each cluster ``(K, D)``; that of all codes for an empty one."""
    means = np.tile(codes.mean(axis=0), (n_clusters, 1))
    for cluster in np.unique(clusters):
        means[cluster] = codes[clusters == cluster].mean(axis=0)
    return means
