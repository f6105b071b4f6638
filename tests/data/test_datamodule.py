import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning import LightningModule, Trainer
from torch import Tensor

from latentclust.data import ImageDataModule, Source, Split
from latentclust.data.splits import apportion
from latentclust.errors import LatentclustError

TRAIN_SIZES, TEST_SIZES = [30, 20, 10], [9, 6, 3]


def split(sizes: list[int], first: int, *, labeled: bool = True) -> Split:
    """Return a split whose images show their own number, counted from ``first``."""
    labels = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    numbers = torch.arange(first, first + len(labels), dtype=torch.uint8)
    return Split(numbers.view(-1, 1, 1, 1).expand(-1, 1, 2, 3).clone(), labels if labeled else None)


class ToyDataModule(ImageDataModule):
    labeled = True
    has_test = True
    loads = 0

    def load(self) -> Source:
        self.loads += 1
        train = split(TRAIN_SIZES, 0, labeled=self.labeled)
        test = split(TEST_SIZES, 100, labeled=self.labeled) if self.has_test else None
        return Source(train, test, ("a", "b", "c") if self.labeled else ())


class UnlabeledDataModule(ToyDataModule):
    labeled = False
    has_test = False


def ready(kind: type[ImageDataModule] = ToyDataModule, **options) -> ImageDataModule:
    data = kind(**{"batch_size": 8} | options)
    data.setup()
    return data


def numbers(images: Tensor) -> list[int]:
    return images[:, 0, 0, 0].tolist()


def test_pool_all_is_train_then_test_and_test_is_a_view_of_it():
    data = ready(pool="all")
    assert numbers(data.pool.images) == [*range(60), *range(100, 118)]
    assert data.test_slice == slice(60, 78)
    assert data.test is not None
    assert data.test.labels is not None
    assert data.pool.labels is not None
    assert numbers(data.test.images) == list(range(100, 118))
    assert data.test.labels.tolist() == data.pool.labels[data.test_slice].tolist()
    assert data.test.images.untyped_storage().data_ptr() == data.pool.images.untyped_storage().data_ptr()


def test_pool_train_holds_the_test_images_out():
    data = ready(pool="train")
    assert numbers(data.pool.images) == list(range(60))
    assert data.test_slice is None
    assert data.test is not None
    assert numbers(data.test.images) == list(range(100, 118))


@pytest.mark.parametrize("pool", ["all", "train"])
def test_data_without_a_test_split(pool):
    data = ready(UnlabeledDataModule, pool=pool, limit=20)
    assert len(data.pool) == 20
    assert data.pool.labels is None
    assert data.test is None
    assert data.test_slice is None
    assert data.n_classes is None
    assert data.class_names == ()


def test_facts_about_the_images():
    data = ready()
    assert data.input_shape == (1, 2, 3)
    assert data.n_classes == 3
    assert data.class_names == ("a", "b", "c")


def test_loading_happens_once():
    data = ToyDataModule(batch_size=8)
    data.prepare_data()
    pool = data.pool
    data.setup("fit")
    data.setup("predict")
    assert data.loads == 1  # type: ignore[attr-defined]
    assert data.pool is pool


def test_images_are_unknown_before_setup():
    with pytest.raises(RuntimeError, match=r"call setup\(\) first"):
        _ = ToyDataModule().pool


@pytest.mark.parametrize("limit", [8, 13, 39, 77, 78])
def test_limit_is_exact_and_proportional_in_pool_all(limit):
    data = ready(pool="all", limit=limit)
    n_train, n_test = apportion([60, 18], limit)
    assert len(data.pool) == limit
    assert data.test is not None
    assert data.pool.labels is not None
    assert data.test_slice == slice(n_train, limit)
    assert all(number >= 100 for number in numbers(data.test.images))
    assert all(number < 60 for number in numbers(data.pool.images[:n_train]))
    assert data.pool.labels[:n_train].bincount(minlength=3).tolist() == apportion(TRAIN_SIZES, n_train)
    assert data.pool.labels[n_train:].bincount(minlength=3).tolist() == apportion(TEST_SIZES, n_test)
    # The labels still belong to their images: class c begins at 0, 30, 50 and at 100, 109, 115.
    truth = np.digitize(numbers(data.pool.images), [30, 50, 100, 109, 115]) % 3
    assert data.pool.labels.tolist() == truth.tolist()


def test_limit_counts_the_pool_alone_in_pool_train():
    data = ready(pool="train", limit=30)
    assert len(data.pool) == 30
    assert data.test is not None
    assert len(data.test) == 9  # as large a share, one half


def test_limit_chooses_the_same_images_for_every_seed():
    assert torch.equal(ready(limit=20, seed=1).pool.images, ready(limit=20, seed=2).pool.images)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pool": "test"}, "pool=test is unknown: choose one of all, train"),
        ({"batch_size": 0}, "batch_size=0 is not possible"),
        ({"batch_size": None}, "batch_size=None is not possible"),
        ({"batch_size": 2.5}, "batch_size=2.5 is not possible"),
        ({"limit": 0}, "limit=0 is not possible"),
        ({"min_images_per_epoch": 0}, "min_images_per_epoch=0 is not possible"),
        ({"seed": -1}, "seed=-1 is not possible: give a whole number, at least 0"),
        ({"batch_size": 79}, "batch_size=79 is larger than the pool: give at most 78"),
        ({"batch_size": 61, "pool": "train"}, "batch_size=61 is larger than the pool: give at most 60"),
        ({"batch_size": 21, "limit": 20}, "batch_size=21 is larger than the pool: give at most 20"),
        ({"limit": 2, "batch_size": 1}, r"limit=2 does not fit: .* number of classes \(3\)"),
        ({"limit": 79}, r"limit=79 does not fit: .* size of the pool \(78\)"),
        ({"limit": 61, "pool": "train"}, r"limit=61 does not fit: .* size of the pool \(60\)"),
    ],
)
def test_impossible_parameters_are_explained(options, message):
    with pytest.raises(LatentclustError, match=message):
        ready(**options)


def test_a_batch_as_large_as_the_pool_is_possible():
    assert len(ready(batch_size=78).train_dataloader()) == 1


def test_fingerprint_is_of_the_images_and_their_shape():
    data = ready()
    truth = hashlib.sha256(b"(78, 1, 2, 3)" + data.pool.images.numpy().tobytes()).hexdigest()
    assert data.fingerprint == truth
    assert ready(seed=5, batch_size=3).fingerprint == truth
    assert ready(pool="train").fingerprint != truth


@pytest.mark.parametrize("pool", ["all", "train"])
def test_moving_keeps_the_dtype_and_the_view(pool):
    data = ready(pool=pool)
    assert data.to("meta") is data
    assert data.test is not None
    assert data.pool.images.device.type == data.test.images.device.type == "meta"
    assert data.pool.images.dtype == torch.uint8
    assert len(data.test) == 18
    assert (data.test.images._base is data.pool.images) == (pool == "all")
    moved = data.pool.images
    assert data.to("meta").pool.images is moved


class Recorder(LightningModule):
    """Note the batches that arrive, and learn nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.epochs: dict[int, list[Tensor]] = {}
        self.validated: list[Tensor] = []

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        self.epochs.setdefault(self.current_epoch, []).append(batch)
        return self.weight * batch.mean()

    def validation_step(self, batch: Tensor, batch_idx: int) -> None:
        self.validated.append(batch)

    def predict_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        return batch

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def quiet_trainer(folder: Path, **options: float) -> Trainer:
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
        assert torch.equal(torch.cat(batches), torch.cat(list(expected)).float() / 255)
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
    assert torch.equal(torch.cat(model.validated), data.test.images.float() / 255)
    assert ready(pool="all").val_dataloader() == []


def test_trainer_predicts_the_pool_in_its_own_order(tmp_path):
    data = ToyDataModule(batch_size=25)
    predictions = quiet_trainer(tmp_path).predict(Recorder(), datamodule=data)
    assert predictions is not None
    assert torch.equal(torch.cat(predictions), data.pool.images.float() / 255)


def test_processes_of_a_trainer_get_shares_of_one_order(monkeypatch):
    data = ready(seed=4)
    whole = numbers(torch.cat(list(data.train_dataloader())))
    shares = []
    for rank in (0, 1):
        trainer = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
        monkeypatch.setattr(type(trainer), "world_size", 2)
        monkeypatch.setattr(type(trainer), "global_rank", rank)
        data.trainer = trainer
        shares.append(numbers(torch.cat(list(data.train_dataloader()))))
    assert shares == [whole[::2], whole[1::2]]
