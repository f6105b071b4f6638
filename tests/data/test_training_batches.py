"""The batches that a trainer gets from a data module."""

from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Callback, LightningModule, Trainer
from torch import Tensor

from latentclust.data import Batch, TensorBatches
from tests.data.test_datamodule import ToyDataModule, numbers, ready


class Recorder(LightningModule):
    """Note the batches that arrive, and learn nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.epochs: dict[int, list[Tensor]] = {}
        self.validated: list[Tensor] = []
        self.batches: list[Batch] = []

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        self.epochs.setdefault(self.current_epoch, []).append(batch.x)
        self.batches.append(batch)
        return self.weight * batch.x.mean()

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self.validated.append(batch.x)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def quiet_trainer(folder: Path, **options: Any) -> Trainer:
    return Trainer(
        max_epochs=3,
        num_sanity_val_steps=0,
        **options,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=folder,
    )


def test_trainer_gets_float_batches_in_a_new_order_at_every_epoch(tmp_path):
    data, model = ToyDataModule(batch_size=25, seed=3), Recorder()
    quiet_trainer(tmp_path, limit_val_batches=0).fit(model, datamodule=data)
    assert list(model.epochs) == [0, 1, 2]
    assert [len(batch) for batch in model.epochs[0]] == [25, 25, 25, 3]
    assert model.epochs[0][0].dtype == torch.float32
    expected = data.train_dataloader()
    for epoch, batches in model.epochs.items():
        expected.sampler.set_epoch(epoch)
        assert torch.equal(torch.cat(batches), images_of(expected).float() / 255)
    assert not torch.equal(torch.cat(model.epochs[0]), torch.cat(model.epochs[1]))


@pytest.mark.parametrize(
    ("least", "passes"), [(None, 1), (1, 1), (60, 1), (61, 2), (120, 2), (121, 3), (600, 10)]
)
def test_an_epoch_goes_over_a_small_pool_until_it_has_seen_enough(tmp_path, least, passes):
    data, model = ToyDataModule(pool="train", batch_size=25, min_images_per_epoch=least), Recorder()
    quiet_trainer(tmp_path).fit(model, datamodule=data)
    assert data.passes == passes
    for batches in model.epochs.values():
        assert sorted(numbers((torch.cat(batches) * 255).round().int())) == sorted([*range(60)] * passes)
    # The test images come once, however small the pool.
    assert sum(len(batch) for batch in model.validated) == 3 * 18


def test_trainer_validates_on_the_images_that_the_pool_leaves_out(tmp_path):
    data, model = ToyDataModule(pool="train", batch_size=25), Recorder()
    quiet_trainer(tmp_path, max_steps=3).fit(model, datamodule=data)
    assert data.test is not None
    assert torch.equal(torch.cat(model.validated), data.test.inputs.float() / 255)
    assert ready(pool="all").val_dataloader() == []


class SetTargets(Callback):
    """Give each image its number in the pool and the epoch as its target."""

    def on_train_epoch_start(self, trainer, pl_module):
        numbers = torch.arange(len(trainer.datamodule.pool))
        trainer.train_dataloader.targets = torch.stack(
            [numbers, torch.full_like(numbers, trainer.current_epoch)], dim=1
        )


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"limit_train_batches": 2},
        {"limit_train_batches": 0.5},
        {"overfit_batches": 2},
        {"accumulate_grad_batches": 3},
    ],
    ids=str,
)
# Lightning cannot see that the order is fixed already.
@pytest.mark.filterwarnings("ignore:You requested to overfit", "ignore:Total length of `list`")
@pytest.mark.parametrize("least", [None, 200])
def test_each_image_comes_with_its_place_and_its_own_target(tmp_path, options, least):
    data, model = ToyDataModule(batch_size=25, seed=3, min_images_per_epoch=least), Recorder()
    trainer = quiet_trainer(tmp_path, limit_val_batches=0, callbacks=[SetTargets()], **options)
    trainer.fit(model, datamodule=data)
    whole, limit = len(data.train_dataloader()), options.get("limit_train_batches", 1.0)
    steps = options.get("overfit_batches", limit if limit == 2 else int(limit * whole))
    assert len(model.batches) == 3 * steps
    for number, (x, index, target, *_) in enumerate(model.batches):
        assert index.dtype == torch.int64
        assert torch.equal(x, data.pool.inputs[index].float() / 255)
        assert target.tolist() == [[i, number // steps] for i in index.tolist()]


def images_of(batches: TensorBatches) -> Tensor:
    return torch.cat([batch.x for batch in batches])


def test_processes_of_a_trainer_get_shares_of_each_batch(monkeypatch):
    data = ready(seed=4)
    whole = [numbers(batch.x) for batch in data.train_dataloader()]
    shares = []
    for rank in (0, 1):
        trainer = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
        monkeypatch.setattr(type(trainer), "world_size", 2)
        monkeypatch.setattr(type(trainer), "global_rank", rank)
        data.trainer = trainer
        shares.append([numbers(batch.x) for batch in data.train_dataloader()])
    assert shares == [[batch[start::2] for batch in whole] for start in (0, 1)]


@pytest.mark.parametrize("pool", ["all", "train"])
def test_the_images_are_on_the_device_once(pool):
    class Strategy:
        root_device = torch.device("meta")

    class Elsewhere:
        strategy, global_rank, world_size = Strategy(), 0, 1

    data = ready(pool=pool)
    data.trainer = Elsewhere()
    assert data.train_dataloader().inputs is data.pool.inputs
    assert data.pool.inputs.device.type == "meta"
    if pool == "train":
        assert data.val_dataloader().inputs is data.test.inputs
        assert data.test.inputs.device.type == "meta"
