import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from latentclust.data.batches import SeededPermutation, TensorBatches, as_floats

sizes = st.integers(1, 200)
seeds = st.integers(0, 2**40)
epochs = st.integers(0, 10_000)


def order(size: int, *, seed: int = 0, epoch: int = 0, **options) -> list[int]:
    permutation = SeededPermutation(size, seed=seed, **options)
    permutation.set_epoch(epoch)
    return permutation.indices().tolist()


def test_every_gray_level_is_converted_exactly():
    images = torch.arange(256, dtype=torch.uint8).view(2, 2, 8, 8)
    floats = as_floats(images)
    assert floats.dtype == torch.float32
    truth = (np.arange(256) / 255).astype(np.float32).reshape(2, 2, 8, 8)
    np.testing.assert_array_equal(floats.numpy(), truth)
    assert floats.min() == 0
    assert floats.max() == 1


def test_images_that_are_floats_already_are_refused():
    with pytest.raises(TypeError, match="expected uint8"):
        as_floats(torch.ones(2))


@given(sizes, seeds, epochs)
def test_every_index_comes_once_and_the_order_depends_on_seed_and_epoch_alone(size, seed, epoch):
    first = order(size, seed=seed, epoch=epoch)
    assert sorted(first) == list(range(size))
    torch.manual_seed(epoch)
    assert order(size, seed=seed, epoch=epoch) == first


@given(seeds, epochs)
def test_neighboring_seeds_and_epochs_have_orders_of_their_own(seed, epoch):
    orders = [
        order(100, seed=seed + s, epoch=epoch + e)
        for s, e in ((0, 0), (0, 1), (1, 0), (1, 1), (0, 2), (2, 0))
    ]
    assert len({tuple(o) for o in orders}) == len(orders)


def test_orders_are_uniform():
    # Each of 6 permutations of 3 is expected 500 times in 3000 epochs; chi-squared with 5 degrees of freedom
    # exceeds 20.5 with probability 0.001.
    counts: dict[tuple[int, ...], int] = {}
    for epoch in range(3000):
        key = tuple(order(3, epoch=epoch))
        counts[key] = counts.get(key, 0) + 1
    assert len(counts) == 6
    assert sum((count - 500) ** 2 / 500 for count in counts.values()) < 20.5


@given(st.integers(1, 50), st.integers(1, 5), seeds)
def test_each_pass_of_an_epoch_is_an_order_of_all_images(size, passes, seed):
    whole = order(size, passes=passes, seed=seed, epoch=1)
    parts = [whole[start : start + size] for start in range(0, passes * size, size)]
    assert len(parts) == passes
    assert all(sorted(part) == list(range(size)) for part in parts)
    assert parts[0] == order(size, seed=seed, epoch=1)


def test_the_passes_of_an_epoch_differ():
    whole = order(100, passes=3)
    assert len({tuple(whole[start : start + 100]) for start in (0, 100, 200)}) == 3
    assert order(4, passes=2, shuffle=False) == [0, 1, 2, 3, 0, 1, 2, 3]


def test_without_shuffling_the_order_is_that_of_the_images():
    assert order(5, epoch=3, shuffle=False) == [0, 1, 2, 3, 4]


@given(sizes, st.integers(1, 250), st.booleans())
def test_batches_are_slices_of_the_order(size, batch_size, shuffle):
    images = torch.arange(2 * size).view(size, 1, 1, 2)
    batches = TensorBatches(images, batch_size, seed=5, shuffle=shuffle)
    batches.sampler.set_epoch(2)
    chunks = [batch.x for batch in batches]
    assert torch.equal(images[torch.cat([batch.index for batch in batches])], torch.cat(chunks))
    assert all(batch.target is None and batch.share == 1 for batch in batches)
    assert [batch.size for batch in batches] == [len(chunk) for chunk in chunks]
    assert len(chunks) == len(batches)
    assert all(len(chunk) == batch_size for chunk in chunks[:-1])
    assert torch.equal(torch.cat(chunks), images[order(size, seed=5, epoch=2, shuffle=shuffle)])


@given(sizes, st.integers(1, 4), st.integers(1, 9), st.integers(0, 60), seeds, st.booleans())
def test_processes_share_the_batches_of_one(size, passes, world_size, more, seed, shuffle):
    images = torch.arange(size, dtype=torch.float64).square().view(size, 1, 1, 1)
    options = {"passes": passes, "seed": seed, "shuffle": shuffle}
    alone = TensorBatches(images, world_size + more, **options)
    ranks = range(world_size)
    shared = [
        TensorBatches(images, world_size + more, **options, rank=rank, world_size=world_size)
        for rank in ranks
    ]
    assert {len(batches) for batches in shared} == {len(alone)}
    for whole, *parts in zip(alone, *shared, strict=True):
        counted = [place for part in parts if part.share for place in part.index.tolist()]
        assert sorted(counted) == sorted(whole.index.tolist())
        assert all(len(part.x) for part in parts)
        assert {part.size for part in parts} == {len(whole.x)}
        mean = sum(part.share * part.x.mean() for part in parts) / world_size
        torch.testing.assert_close(mean, whole.x.mean())


def test_batches_follow_the_epoch_and_repeat_within_it():
    batches = TensorBatches(torch.arange(50).view(50, 1, 1, 1), 7)
    first, again = images_of(batches), images_of(batches)
    batches.sampler.set_epoch(1)
    assert torch.equal(first, again)
    assert not torch.equal(first, images_of(batches))


def images_of(batches):
    return torch.cat([batch.x for batch in batches])
