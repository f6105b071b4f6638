"""The inputs as Lightning sees them: cut into batches."""

from typing import Any, Self

from lightning import LightningDataModule
from torch import Tensor

from latentclust.data.augment import augment
from latentclust.data.batches import Batch, TensorBatches, as_floats
from latentclust.data.mapped import MappedInputs
from latentclust.data.pool import InputPool
from latentclust.data.splits import Split
from latentclust.data.streamed import StreamedBatches


class DataModule(InputPool, LightningDataModule):
    """A pool of inputs to cluster, images or vectors; a subclass only says where they come from.

    Labels are here for evaluation alone: no batch has them.

    Parameters
    ----------
    root : str
        The folder where downloaded files are kept.
    pool : {"all", "train"}
        Which inputs are trained on and clustered. "all" is the training inputs followed by the test inputs,
        as the clustering literature has it; "train" holds the test inputs out.
    batch_size : int
        Inputs per batch, at least 1, of all processes together; the last batch may be smaller, and so may be
        the only one.
    limit : int or None
        If given, keep only this many inputs of the pool, and as large a share of the test inputs: a uniform
        draw that depends neither on labels nor on ``seed``.
    min_images_per_epoch : int or None
        If the pool has fewer inputs, a training epoch goes over it several times, as often as it takes to see
        this many: settings that count epochs then mean about as many steps for any pool.
    seed : int
        Non-negative; decides the order of the inputs in every epoch.
    augmentation : Augmentation
        How far the images of a training batch are changed at random.
    preprocess : Sequence[str] or None
        The steps from raw inputs to what the network takes, fitted to the pool; see
        :class:`~latentclust.data.preprocess.Preprocess`. None chooses them by what the inputs are.

    Raises
    ------
    LatentclustError
        If a parameter is out of range; those that depend on the data are checked in `setup`.
    """

    def train_dataloader(self) -> TensorBatches:
        """Batches of the pool in the seeded order, on the trainer's device if there is a trainer.

        There are enough of them for ``min_images_per_epoch``. To overfit a few batches, they keep one order.
        """
        shuffle = self.trainer is None or not getattr(self.trainer, "overfit_batches", 0)
        return self._follow_trainer()._batches(self.pool, shuffle=shuffle, passes=self.passes)

    def val_dataloader(self) -> TensorBatches | list[TensorBatches]:
        """Batches of the test inputs that the pool leaves out; no loader where there are none."""
        self._follow_trainer()
        return [] if self._held_out is None else self._batches(self._held_out, shuffle=False)

    def _follow_trainer(self) -> Self:
        # Before anyone takes hold of the inputs: whoever moved them later would make a second copy.
        return self if self.trainer is None else self.to(self.trainer.strategy.root_device)

    def _batches(self, split: Split, *, shuffle: bool, passes: int = 1) -> TensorBatches:
        rank, world_size = 0, 1
        if self.trainer is not None:
            rank, world_size = self.trainer.global_rank, self.trainer.world_size
        options: dict[str, Any] = {"passes": passes, "seed": self.seed}
        options |= {"rank": rank, "world_size": world_size}
        if isinstance(split.inputs, MappedInputs):
            return StreamedBatches(split.inputs, self.batch_size, shuffle=shuffle, **options)
        return TensorBatches(split.inputs, self.batch_size, shuffle=shuffle, **options)

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """Convert a batch's images to floats in [0, 1], on the device; in training they are augmented.

        Vectors are floats already.
        """
        training = self.trainer is not None and self.trainer.training
        return batch._replace(x=self.change(batch.x) if training else as_floats(batch.x))

    def change(self, inputs: Tensor) -> Tensor:
        """Turn inputs as they are stored into those that are trained on: images are augmented."""
        x = as_floats(inputs)
        return augment(x, self.augmentation) if x.dim() == 4 else x
