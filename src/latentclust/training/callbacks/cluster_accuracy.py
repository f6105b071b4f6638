"""Measure the clusters after every epoch. Labels come in here to be compared, and nothing goes back."""

from collections.abc import Callable
from functools import partial
from time import perf_counter

import lightning as L
import torch
from torch import Tensor
from torchmetrics import MetricCollection

from latentclust.data import DataModule, Split
from latentclust.evaluation import clustering_metrics
from latentclust.evaluation.baselines import CODE_METHODS, cluster_codes
from latentclust.models import Clusters, LatentModel
from latentclust.training.inference import (
    Sample,
    evaluating,
    in_shared_chunks,
    over_pool_and_test,
    sample,
)
from latentclust.training.loggers import ByEpoch


class ClusterAccuracy(L.Callback):
    """Logs ACC, NMI and ARI of the pool and the test inputs, and the clusters in use.

    Of a model that starts with clusters these are measured before the first epoch too.

    A model with clusters has its predictions scored (``cluster/acc``, ...); the codes of any other are
    clustered by k-means and by a Gaussian mixture (``kmeans/acc``, ``gmm/acc``, ...). Test inputs have
    ``..._test/acc``. What that took is ``perf/accuracy_seconds``.

    Parameters
    ----------
    n_clusters
        For k-means and the Gaussian mixture.
    every_n_epochs
        Measure after every n-th epoch; 0 leaves it to the end of the run.
    n_images
        Measure on a fixed uniform sample of this many inputs of the pool, or None for all of them.
    seed
        Of k-means and the Gaussian mixture.

    Raises
    ------
    LatentclustError
        On an epoch's end, if the codes cannot be clustered.
    """

    def __init__(
        self, n_clusters: int, every_n_epochs: int = 1, n_images: int | None = None, seed: int = 0
    ) -> None:
        self.n_clusters = n_clusters
        self.every_n_epochs = every_n_epochs
        self.n_images = n_images
        self.seed = seed
        self.inputs: DataModule | Sample | None = None

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Draw the sample: the same inputs in every run on the same data, so that curves can be compared.

        A model that begins with clusters, and is no continued one, is measured: each curve's first point.
        """
        data = trainer.datamodule  # type: ignore[attr-defined]
        assert isinstance(data, DataModule)
        self.inputs = data if self.n_images is None else sample(data, self.n_images)
        if not self.every_n_epochs or not isinstance(pl_module, Clusters) or trainer.ckpt_path:
            return
        assert isinstance(pl_module, LatentModel)
        scores = self.scores(trainer, pl_module)
        trainer.callback_metrics.update({name: torch.tensor(value) for name, value in scores.items()})
        for logger in trainer.loggers:
            if isinstance(logger, ByEpoch):
                logger.log_metrics(scores | {"epoch": -1})

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Cluster the inputs in large chunks, match them once, log."""
        if not self.every_n_epochs or (trainer.current_epoch + 1) % self.every_n_epochs:
            return
        start = perf_counter()
        assert isinstance(pl_module, LatentModel)
        scores = self.scores(trainer, pl_module)
        log = partial(pl_module.log, sync_dist=True, rank_zero_only=True)  # the first process alone measures
        for name, value in scores.items():
            log(name, value)
        shown = ("ACC", "cluster/acc") if "cluster/acc" in scores else ("used", "cluster/used")
        if shown[1] in scores:
            log(shown[0], scores[shown[1]], prog_bar=True, logger=False)
        if scores:
            log("perf/accuracy_seconds", perf_counter() - start)

    @staticmethod
    def function(model: LatentModel) -> Callable[[Tensor], Tensor]:
        """Return what the model is to say of each input: its cluster, or its code."""
        return model.predict if isinstance(model, Clusters) else model.encode

    def scores(self, trainer: L.Trainer, model: LatentModel) -> dict[str, float]:
        """Cluster pool and test inputs and score them, by the names that are logged.

        Several processes share the work of the network, and the first one alone gets scores.
        """
        data = self.inputs
        assert data is not None
        with evaluating(model):
            found = over_pool_and_test(self.function(model), data, in_shared_chunks)
        if not trainer.is_global_zero:
            return {}
        clusterings = self.clusterings(model, *found)
        n_clusters = model.n_clusters if isinstance(model, Clusters) else self.n_clusters
        n_classes = trainer.datamodule.n_classes  # type: ignore[attr-defined]
        # This process has the clusters of all inputs, and the others have left.
        metrics = clustering_metrics(n_clusters, n_classes, sync_on_compute=False)
        scores: dict[str, float] = {}
        for name, (pool, test) in clusterings.items():
            scores |= scores_of(name, metrics, pool, data.pool)
            if test is not None and data.test is not None:
                scores |= scores_of(f"{name}_test", metrics, test, data.test)
        return scores

    def clusterings(
        self, model: LatentModel, pool: Tensor, test: Tensor | None
    ) -> dict[str, tuple[Tensor, Tensor | None]]:
        """Cluster pool and test inputs: method to clusters ``(N,)`` and ``(N_test,)``.

        Parameters
        ----------
        model
            With clusters or without.
        pool, test
            What :meth:`function` says of the inputs.
        """
        if isinstance(model, Clusters):
            return {"cluster": (pool, test)}
        return {
            method: cluster_codes(method, pool, test, self.n_clusters, seed=self.seed, n_init=1)
            for method in CODE_METHODS
        }


def scores_of(name: str, metrics: MetricCollection, clusters: Tensor, split: Split) -> dict[str, float]:
    """Score one clustering of a split; unlabeled inputs have only the clusters' use."""
    metrics.reset()
    metrics.update(clusters, torch.zeros_like(clusters) if split.labels is None else split.labels)
    return {f"{name}/{key}": float(value) for key, value in metrics.compute().items()}
