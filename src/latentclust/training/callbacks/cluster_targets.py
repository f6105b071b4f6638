"""Give the batches of the coming epoch the clusters that their inputs are to have."""

import lightning as L
import torch
from torch import Tensor

from latentclust.data import DataModule, TensorBatches
from latentclust.data.mapped import InputRows
from latentclust.models import EpochTargets
from latentclust.training.callbacks.mixture_initialization import MixtureInitialization
from latentclust.training.inference import evaluating, in_shared_chunks


class ClusterTargets(L.Callback):
    """Sets ``TensorBatches.targets`` at the start of each epoch; they then come with each batch.

    While the model holds the initialization's partition, they are that partition. After that, if it
    self-trains, they are made of the model's own assignments of the inputs as they are, by the model's
    :meth:`~latentclust.models.EpochTargets.epoch_targets`. A model with a ``tolerance`` is trained until two
    sets of its targets in a row put fewer inputs than that share into other clusters.

    Parameters
    ----------
    initialization
        The callback that fits the mixture; checkpoints carry its partition.
    """

    def __init__(self, initialization: MixtureInitialization) -> None:
        self.initialization = initialization
        self.settled: float | None = None
        """The share that changed its cluster, once that ended the training."""
        # Of the pool's inputs: their clusters when targets were last made of them ...
        self._clusters: Tensor | None = None
        # ... and their assignments after an epoch, of which the next epoch's targets are made.
        self._logits: Tensor | None = None

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Compute them for the whole pool."""
        batches = trainer.train_dataloader
        assert isinstance(batches, TensorBatches)
        data = trainer.datamodule  # type: ignore[attr-defined]
        assert isinstance(data, DataModule)
        with evaluating(pl_module):
            batches.targets = self.targets(pl_module, data.pool.inputs)

    def targets(self, model: L.LightningModule, images: InputRows) -> Tensor | None:
        """Return the targets ``(N, K)`` of the pool's inputs in this epoch, or None."""
        assert isinstance(model, EpochTargets)
        partition = self.initialization.clusters
        if model.holds_partition and partition is not None:
            targets = torch.zeros(len(partition), model.n_clusters)
            return targets.scatter_(1, partition.long()[:, None], 1.0).to(images.device)
        if not model.self_trains:
            return None
        logits, self._logits = self._logits, None
        if logits is None:
            logits = in_shared_chunks(model.cluster_logits, images)
            self._clusters = logits.argmax(1)
        with torch.inference_mode(False):
            return model.epoch_targets(logits.clone())

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Stop the training if hardly an input has changed its cluster."""
        assert isinstance(pl_module, EpochTargets)
        if not (pl_module.self_trains and pl_module.tolerance and self._clusters is not None):
            return
        data = trainer.datamodule  # type: ignore[attr-defined]
        with evaluating(pl_module):
            self._logits = in_shared_chunks(pl_module.cluster_logits, data.pool.inputs)
        clusters = self._logits.argmax(1)
        moved = (clusters != self._clusters).float().mean().item()
        self._clusters = clusters
        pl_module.log("cluster/moved", moved, sync_dist=True)  # equal in all processes
        if moved < pl_module.tolerance:
            trainer.should_stop = True
            self.settled = moved

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Free them."""
        self._logits = None
        batches = trainer.train_dataloader
        if isinstance(batches, TensorBatches):
            batches.targets = None
