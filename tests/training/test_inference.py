"""Samples of the images, and functions over all of them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentclust.data import DigitsDataModule
from latentclust.data.mapped import MappedInputs, Stored
from latentclust.training.inference import Sample, evaluating, in_chunks, over_pool_and_test, sample


def digits(pool: str) -> DigitsDataModule:
    data = DigitsDataModule(pool=pool)
    data.setup()
    return data


def brightness(x: Tensor) -> Tensor:
    return x.flatten(1).sum(dim=1)


@pytest.mark.parametrize("size", [1, 7, 1797])
def test_chunks_change_nothing(size: int) -> None:
    images = digits("all").pool.inputs
    torch.testing.assert_close(
        in_chunks(brightness, images, size), images.double().flatten(1).sum(dim=1).float() / 255
    )


def test_some_inputs_of_a_file_are_read_chunk_by_chunk(tmp_path: Path) -> None:
    array = np.arange(40, dtype=np.float32).reshape(20, 2)
    np.save(tmp_path / "x.npy", array)
    read: list[int] = []

    def convert(rows: NDArray[np.generic]) -> Tensor:
        read.append(len(rows))
        return torch.from_numpy(rows)

    inputs = MappedInputs(Stored.of(tmp_path / "x.npy"), convert)
    found = in_chunks(brightness, inputs, 3, range(5, 13))
    assert found.tolist() == array[5:13].sum(axis=1).tolist()
    assert max(read) == 3


@pytest.mark.parametrize("size", [1, 300, 1_797, 5_000])
def test_a_sample_holds_test_images_in_proportion_or_its_own(size: int) -> None:
    pooled, data = sample(digits("all"), size), digits("all")
    assert len(pooled.pool) == min(size, len(data.pool))
    assert data.test_slice is not None
    n_test = len(pooled.test) if pooled.test else 0
    share = n_test / len(pooled.pool)
    expected = (data.test_slice.stop - data.test_slice.start) / len(data.pool)
    deviation = (expected * (1 - expected) / size) ** 0.5
    assert abs(share - expected) < 4 * deviation
    held_out = sample(digits("train"), size)
    test = digits("train").test
    assert test is not None
    assert held_out.test is not None
    assert len(held_out.test) == min(size, len(test))


def test_a_sample_is_drawn_uniformly_and_never_twice() -> None:
    data = digits("all")
    counts = torch.zeros(len(data.pool))
    index = {image.numpy().tobytes(): i for i, image in enumerate(data.pool.inputs)}
    repeats = 200
    for seed in range(repeats):
        chosen = [index[image.numpy().tobytes()] for image in sample(data, 600, seed).pool.inputs]
        assert len(chosen) == 600
        counts[torch.tensor(chosen)] += 1
    p = 600 / len(data.pool)
    # Images that occur twice among the digits are counted at the later place alone.
    distinct = counts[sorted(index.values())]
    assert (distinct / repeats - p).abs().max() < 6 * (p * (1 - p) / repeats) ** 0.5


def test_test_images_of_a_sample_are_its_pools_last() -> None:
    chosen = sample(digits("all"), 300)
    pool, test = over_pool_and_test(brightness, chosen)
    assert test is not None
    assert chosen.test is not None
    assert chosen.test_slice is not None
    assert torch.equal(test, pool[chosen.test_slice])
    assert torch.equal(test, in_chunks(brightness, chosen.test.inputs))


def test_the_test_images_of_a_sample_are_test_images() -> None:
    data = digits("all")
    chosen = sample(data, 300)
    assert data.test is not None
    assert chosen.test is not None
    held = {image.numpy().tobytes() for image in data.test.inputs}
    is_test = [image.numpy().tobytes() in held for image in chosen.pool.inputs]
    assert is_test == sorted(is_test)  # the pool's order: training images first
    assert sum(is_test) == len(chosen.test)
    assert all(image.numpy().tobytes() in held for image in chosen.test.inputs)


def test_a_sample_without_a_test_image_has_none() -> None:
    chosen: Sample = next(s for s in (sample(digits("all"), 1, seed) for seed in range(50)) if s.test is None)
    pool, test = over_pool_and_test(brightness, chosen)
    assert len(pool) == 1
    assert test is None or len(test) == 0


@pytest.mark.parametrize("training", [True, False])
def test_evaluation_mode_ends_with_the_block_whatever_happens(training: bool) -> None:
    model = torch.nn.Sequential(torch.nn.BatchNorm1d(2)).train(training)
    modes = []

    def fail() -> None:
        with evaluating(model):
            modes.append(model[0].training)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert modes == [False]
    assert model.training is training
    assert model[0].training is training
