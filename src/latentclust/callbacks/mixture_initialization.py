"""Put VaDE's mixture where one was fitted to the codes of the pool."""

import logging
from time import perf_counter
from typing import Any

import lightning as L
import torch
from torch import Tensor

from latentclust.data import ImageDataModule
from latentclust.inference import evaluating, in_chunks
from latentclust.initialization import Initialization, fit
from latentclust.models import VaDE

log = logging.getLogger(__name__)


class MixtureInitialization(L.Callback):
    """Embeds the pool, fits a mixture without labels and writes pi, mu_c and log var_c into VaDE's prior.

    A model whose mixture is fitted already, such as a continued one, is left alone. At the start of the
    epochs in ``VaDE.refit_at`` the mixture is fitted anew, to the codes as they have become.

    Parameters
    ----------
    method
        A key of :data:`latentclust.initialization.INITIALIZATIONS`.
    seed
        Of the method's restarts.
    space
        ``codes``, or ``features``: the method also gets what the encoder sees before it makes codes.
    options
        Further keyword arguments of the method, such as ``n_init``. One that has ``pixel_neighbors`` also
        gets the images.

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

    def __init__(self, method: str, seed: int, space: str = "codes", **options: Any) -> None:
        self.method = method
        self.seed = seed
        self.space = space
        self.options = options
        self.initialization: Initialization | None = None
        self.clusters: Tensor | None = None
        self.start: Tensor | None = None
        self.seconds = 0.0

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Fit the mixture, unless that was done."""
        assert isinstance(pl_module, VaDE)
        if not pl_module.mixture_is_fitted:
            self.fit(trainer, pl_module)
            self.start = self.clusters

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Fit it anew where that is due."""
        assert isinstance(pl_module, VaDE)
        if pl_module.current_epoch in pl_module.refit_at:
            self.fit(trainer, pl_module)

    def fit(self, trainer: L.Trainer, pl_module: VaDE) -> None:
        """Fit the mixture on rank 0 and share it."""
        start = perf_counter()
        if trainer.is_global_zero:
            data = trainer.datamodule  # type: ignore[attr-defined]
            assert isinstance(data, ImageDataModule)
            data.to(pl_module.device)
            options = dict(self.options)
            with evaluating(pl_module):
                codes = in_chunks(pl_module.encode, data.pool.images)
                if self.space == "features":
                    options["features"] = in_chunks(pl_module.features, data.pool.images)
            if options.get("pixel_neighbors"):
                options["pixels"] = data.pool.images.flatten(start_dim=1)
            self.initialization = fit(
                self.method, codes, len(pl_module.prior.logits), seed=self.seed, **options
            )
            pl_module.set_mixture(self.initialization.parameters)
            self.clusters = self.initialization.clusters.short()
        with torch.no_grad():
            for tensor in (*pl_module.prior.parameters(), pl_module.mixture_is_fitted):
                tensor.copy_(trainer.strategy.broadcast(tensor))
        self.seconds += perf_counter() - start
        if self.initialization and not self.initialization.converged:
            log.warning("The %s initialization stopped before it had converged.", self.method)

    def state_dict(self) -> dict[str, Any]:
        """Return the partitions for a checkpoint."""
        return {"clusters": self.clusters, "start": self.start}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the partitions from a checkpoint."""
        self.clusters, self.start = state_dict["clusters"], state_dict["start"]
