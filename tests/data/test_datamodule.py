import hashlib

import numpy as np
import pytest
import torch
from torch import Tensor

from latentclust.data import DataModule, Source, Split
from latentclust.data.splits import apportion
from latentclust.errors import LatentclustError

TRAIN_SIZES, TEST_SIZES = [30, 20, 10], [9, 6, 3]


def split(sizes: list[int], first: int, *, labeled: bool = True) -> Split:
    """Return a split whose images show their own number, counted from ``first``."""
    labels = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    numbers = torch.arange(first, first + len(labels), dtype=torch.uint8)
    return Split(numbers.view(-1, 1, 1, 1).expand(-1, 1, 2, 3).clone(), labels if labeled else None)


class ToyDataModule(DataModule):
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


def ready(kind: type[DataModule] = ToyDataModule, **options) -> DataModule:
    data = kind(**{"batch_size": 8} | options)
    data.setup()
    return data


def numbers(images: Tensor) -> list[int]:
    return images[:, 0, 0, 0].tolist()


def test_pool_all_is_train_then_test_and_test_is_a_view_of_it():
    data = ready(pool="all")
    assert numbers(data.pool.inputs) == [*range(60), *range(100, 118)]
    assert data.test_slice == slice(60, 78)
    assert data.test is not None
    assert data.test.labels is not None
    assert data.pool.labels is not None
    assert numbers(data.test.inputs) == list(range(100, 118))
    assert data.test.labels.tolist() == data.pool.labels[data.test_slice].tolist()
    assert data.test.inputs.untyped_storage().data_ptr() == data.pool.inputs.untyped_storage().data_ptr()


def test_pool_train_holds_the_test_images_out():
    data = ready(pool="train")
    assert numbers(data.pool.inputs) == list(range(60))
    assert data.test_slice is None
    assert data.test is not None
    assert numbers(data.test.inputs) == list(range(100, 118))


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


@pytest.mark.parametrize("limit", [1, 2, 13, 39, 77, 78])
def test_limit_is_exact_and_shared_between_both_splits_in_pool_all(limit):
    data = ready(pool="all", limit=limit, batch_size=1)
    n_train, n_test = apportion([60, 18], limit)
    assert len(data.pool) == limit == n_train + n_test
    assert data.pool.labels is not None
    assert data.test_slice == (slice(n_train, limit) if n_test else None)
    assert all(number >= 100 for number in numbers(data.pool.inputs[n_train:]))
    assert all(number < 60 for number in numbers(data.pool.inputs[:n_train]))
    # The labels still belong to their images: class c begins at 0, 30, 50 and at 100, 109, 115.
    truth = np.digitize(numbers(data.pool.inputs), [30, 50, 100, 109, 115]) % 3
    assert data.pool.labels.tolist() == truth.tolist()


def test_limit_counts_the_pool_alone_in_pool_train():
    data = ready(pool="train", limit=30)
    assert len(data.pool) == 30
    assert data.test is not None
    assert len(data.test) == 9  # as large a share, one half


def test_labels_have_no_say_in_which_images_limit_keeps(monkeypatch):
    honest = ready(limit=20).pool.inputs
    load = ToyDataModule.load

    def relabeled(self: ToyDataModule) -> Source:
        source = load(self)
        for part in (source.train, source.test):
            assert part is not None
            assert part.labels is not None
            part.labels.copy_(part.labels.flip(0))
        return source

    monkeypatch.setattr(ToyDataModule, "load", relabeled)
    assert torch.equal(ready(limit=20).pool.inputs, honest)


def test_limit_chooses_the_same_images_for_every_seed():
    assert torch.equal(ready(limit=20, seed=1).pool.inputs, ready(limit=20, seed=2).pool.inputs)


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
        ({"limit": 79}, "limit=79 is larger than the pool: give at most 78"),
        ({"limit": 61, "pool": "train"}, "limit=61 is larger than the pool: give at most 60"),
    ],
)
def test_impossible_parameters_are_explained(options, message):
    with pytest.raises(LatentclustError, match=message):
        ready(**options)


def test_a_batch_as_large_as_the_pool_is_possible():
    assert len(ready(batch_size=78).train_dataloader()) == 1
    # A pool smaller than a batch is one batch.
    assert [len(batch.x) for batch in ready(batch_size=100).train_dataloader()] == [78]


def test_fingerprint_is_of_the_images_and_their_shape():
    data = ready()
    truth = hashlib.sha256(b"(78, 1, 2, 3)" + data.pool.inputs.numpy().tobytes()).hexdigest()
    assert data.fingerprint == truth
    assert ready(seed=5, batch_size=3).fingerprint == truth
    assert ready(pool="train").fingerprint != truth


@pytest.mark.parametrize("pool", ["all", "train"])
def test_moving_keeps_the_dtype_and_the_view(pool):
    data = ready(pool=pool)
    assert data.to("meta") is data
    assert data.test is not None
    assert data.pool.inputs.device.type == data.test.inputs.device.type == "meta"
    assert data.pool.inputs.dtype == torch.uint8
    assert len(data.test) == 18
    assert (data.test.inputs._base is data.pool.inputs) == (pool == "all")
    moved = data.pool.inputs
    assert data.to("meta").pool.inputs is moved
