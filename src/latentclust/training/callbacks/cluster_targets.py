"""Give VaDE the clusters that its images are to have in the coming epoch."""

from typing import Any

import lightning as L
import torch
import torch.nn.functional as F
from torch import Tensor

from latentclust.data import ImageDataModule, TensorBatches
from latentclust.models import VaDE
from latentclust.modules.objectives import balanced_targets
from latentclust.training.callbacks.mixture_initialization import MixtureInitialization
from latentclust.training.inference import evaluating, in_chunks


class ClusterTargets(L.Callback):
    """Sets ``VaDE.targets`` at the start of each epoch, in the order of its batches.

    While the model holds the initialization's partition, they are that partition. After that, with
    self-training, they are the model's own responsibilities for the images as they are, sharpened and
    balanced (:func:`~latentclust.modules.objectives.balanced_targets`).

    Parameters
    ----------
    initialization
        The callback that fits the mixture; checkpoints carry its partition.
    """

    def __init__(self, initialization: MixtureInitialization) -> None:
        self.initialization = initialization

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Compute them for the whole pool."""
        assert isinstance(pl_module, VaDE)
        partition = self.initialization.clusters
        if pl_module.holds_partition and partition is not None:
            targets = F.one_hot(partition.long(), len(pl_module.prior.logits)).float().to(pl_module.device)
        elif pl_module.self_training_weight:
            data = trainer.datamodule  # type: ignore[attr-defined]
            assert isinstance(data, ImageDataModule)
            with evaluating(pl_module):
                targets = self.own_targets(pl_module, data)
        else:
            pl_module.targets = None
            return
        batches = trainer.train_dataloader
        assert isinstance(batches, TensorBatches)
        order = batches.sampler.indices().to(targets.device)
        pl_module.targets = torch.split(targets[order], batches.batch_size)

    def own_targets(self, model: VaDE, data: ImageDataModule) -> Tensor:
        """Sharpen and balance the model's responsibilities of the pool, ``(N, K)``."""

        def log_joint(x: Tensor) -> Tensor:
            return model.prior.log_joint(model.encode(x))

        joint = in_chunks(log_joint, data.pool.images)
        with torch.inference_mode(False):
            return balanced_targets(joint.clone(), model.self_training_temperature)

    def on_train_end(self, trainer: L.Trainer, pl_module: Any) -> None:
        """Free them."""
        pl_module.targets = None
