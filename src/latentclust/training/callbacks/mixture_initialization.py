"""Put a model's clusters where a mixture was fitted to the codes of the pool."""

import logging
from collections.abc import Callable
from time import perf_counter
from typing import Any

import lightning as L
import torch
from torch import Tensor

from latentclust import progress
from latentclust.clustering import (
    Initialization,
    Neighbors,
    fit,
    fit_vote,
    in_given_axes,
    nearest,
    nearest_images,
)
from latentclust.clustering.manifold import neighbors_needed
from latentclust.clustering.modularity import graph_of, modularity
from latentclust.data import DataModule
from latentclust.data.mapped import InputRows
from latentclust.models import StartsFromMixture
from latentclust.processes import from_first
from latentclust.training.inference import evaluating, in_chunks

log = logging.getLogger(__name__)

# The spaces in which the inputs themselves are neighbors.
AMONG_INPUTS = ("images", "inputs")


class MixtureInitialization(L.Callback):
    """Embeds the pool, fits a mixture without labels and gives it to the model, which starts from it.

    A mixture that was fitted in axes of its own gives them to the codes, at the first fit. A model whose
    mixture is fitted already, such as a continued one, is left alone. At the start of the epochs in the
    model's ``refit_at`` the mixture is fitted again, to the codes as they have become, and the optimizer
    forgets what it knew of the old one.

    Parameters
    ----------
    method
        A key of :data:`latentclust.registry.STARTS`.
    seed
        Of the method's restarts.
    space
        ``codes``; ``features``: the method also gets what the encoder sees before it makes codes;
        ``images`` or ``inputs``: it gets the neighbors among the inputs.
    refit
        ``anew``: later fits are as the first. ``vote``: in later fits neighbors vote on the model's clusters,
        those by features and, with ``space="images"`` or ``"inputs"``, those among the inputs
        (:func:`latentclust.clustering.fit_vote`).
    voters
        Of each kind of neighbors.
    vote_tolerance
        With ``space="images"`` or ``"inputs"``: a vote whose clusters fit the graph of these neighbors worse
        than those before, by more than this (:func:`latentclust.clustering.modularity.modularity`), is not
        taken, for what the model has learned is not what the inputs show.
    sample
        The mixture is fitted to this many inputs, drawn at random, of a larger pool.
    search
        Finds the n neighbors of each image among the images.
    options
        Further keyword arguments of the method, such as ``n_init``.

    Attributes
    ----------
    initialization
        What was fitted, or None.
    clusters
        Its partition of the pool ``(N,)``, int16, or None; checkpoints carry it.
    start
        The first fit's partition, alike.
    seconds
        What all fits took.
    """

    def __init__(
        self,
        method: str,
        seed: int,
        space: str = "codes",
        refit: str = "anew",
        voters: int = 5,
        vote_tolerance: float = 0.01,
        sample: int = 100_000,
        search: Callable[[Tensor, int], Neighbors] = nearest_images,
        **options: Any,
    ) -> None:
        self.method = method
        self.seed = seed
        self.space = space
        self.refit = refit
        self.voters = voters
        self.vote_tolerance = vote_tolerance
        self.sample = sample
        self.search = search
        self.options = options
        self.among_images: Neighbors | None = None
        self.initialization: Initialization | None = None
        self.clusters: Tensor | None = None
        self.start: Tensor | None = None
        self.seconds = 0.0

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Fit the mixture, unless that was done."""
        assert isinstance(pl_module, StartsFromMixture)
        if not pl_module.has_mixture():
            self.fit(trainer, pl_module)
            self.start = self.clusters

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Fit it again where that is due."""
        assert isinstance(pl_module, StartsFromMixture)
        if trainer.current_epoch in pl_module.refit_at:
            self.fit(trainer, pl_module)

    def fit(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Fit the mixture on rank 0 and share it."""
        assert isinstance(pl_module, StartsFromMixture)
        start = perf_counter()
        data = trainer.datamodule  # type: ignore[attr-defined]
        assert isinstance(data, DataModule)
        whole = len(data.pool) <= self.sample
        if trainer.is_global_zero:
            data.to(pl_module.device)
            with evaluating(pl_module), progress.task(f"init ({self.method})"):
                voting = self.refit == "vote" and self.start is not None
                some = slice(None) if whole else self.chosen(len(data.pool)).to(pl_module.device)
                inputs = data.pool.inputs[some]
                self.initialization = (self._vote if voting else self._part)(pl_module, inputs)
            pl_module.set_mixture(self.initialization.parameters)
            self.clusters = self.initialization.clusters.short()
        self._share(pl_module)
        if trainer.is_global_zero and not whole:
            self._place_others(pl_module, data.pool.inputs)
        self.clusters = from_first(self.clusters)
        # Adam's moments are means over the old mixture's gradients, and would pull the new one their way.
        for optimizer in trainer.optimizers:
            for parameter in pl_module.mixture_state():
                optimizer.state.pop(parameter, None)
        self.seconds += perf_counter() - start
        if self.initialization and not self.initialization.converged:
            log.warning("The %s initialization stopped before it had converged.", self.method)

    def chosen(self, n: int) -> Tensor:
        """Return which of n inputs the mixture is fitted to, in ascending order: the same in every fit."""
        if n <= self.sample:
            return torch.arange(n)
        generator = torch.Generator().manual_seed(self.seed)
        return torch.randperm(n, generator=generator)[: self.sample].sort().values

    def _share(self, model: StartsFromMixture) -> None:
        """Give every process the mixture that the first one has fitted."""
        axes, state = None, None
        if self.initialization is not None:
            axes = None if self.initialization.axes is None else self.initialization.axes.cpu()
            state = [tensor.detach().cpu() for tensor in model.mixture_state()]
        axes, state = from_first((axes, state))
        if axes is not None:
            model.change_axes(axes)
        assert state is not None
        with torch.no_grad():
            for tensor, value in zip(model.mixture_state(), state, strict=True):
                tensor.copy_(value)

    def _place_others(self, model: StartsFromMixture, inputs: InputRows) -> None:
        """Give the inputs that the mixture was not fitted to to its components."""
        assert self.clusters is not None
        assert isinstance(model, torch.nn.Module)
        with evaluating(model):
            clusters = in_chunks(model.predict, inputs).cpu().short()
        clusters[self.chosen(len(inputs))] = self.clusters
        self.clusters = clusters

    def _part(self, model: StartsFromMixture, images: Tensor) -> Initialization:
        """Fit by the method."""
        options = dict(self.options)
        if self.space == "features":
            options["features"] = in_chunks(model.features, images)
        if self.space in AMONG_INPUTS:
            options["among_images"] = self._near(images)
        codes = in_chunks(model.encode, images)
        fitted = fit(self.method, codes, model.n_clusters, seed=self.seed, **options)
        if self.start is None or fitted.axes is None:
            return fitted
        # Posteriors that were trained are diagonal in their axes: the partition is all that they can use.
        return in_given_axes(fitted, codes)

    def _vote(self, model: StartsFromMixture, images: Tensor) -> Initialization:
        """Ask the neighbors of the model's clusters."""
        features = in_chunks(model.features, images)
        senses = [nearest(features, min(self.voters + 1, len(images)))]
        if self.space in AMONG_INPUTS:
            senses.append(self._near(images))
        codes, clusters = in_chunks(model.encode, images), in_chunks(model.predict, images)
        voted = fit_vote(codes, model.n_clusters, clusters, senses, voters=self.voters)
        if self.space not in AMONG_INPUTS:
            return voted
        assert self.clusters is not None
        held = self.clusters[self.chosen(len(self.clusters))]
        graph = graph_of(self._near(images))
        before, after = (modularity(part.numpy(), graph) for part in (held, voted.clusters))
        taken = before - after <= self.vote_tolerance
        log.info(
            "The neighbors' vote is %s: the modularity of its clusters is %.4f, of those before %.4f",
            "taken" if taken else "not taken",
            after,
            before,
        )
        return voted if taken else fit_vote(codes, model.n_clusters, held, [])  # nobody votes

    def _near(self, images: Tensor) -> Neighbors:
        """Return the neighbors among the images, which stay what they are in later fits."""
        if self.among_images is None:
            layouts = self.options.get("n_layouts", 1)
            wanted = neighbors_needed(self.options["n_neighbors"], layouts, len(images))
            n = min(max(wanted, self.voters + 1), len(images) - 1)
            self.among_images = self.search(images, n)
        return self.among_images

    def state_dict(self) -> dict[str, Any]:
        """Return the partitions for a checkpoint."""
        return {"clusters": self.clusters, "start": self.start}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the partitions from a checkpoint."""
        self.clusters, self.start = state_dict["clusters"], state_dict["start"]
