"""Inputs that stay in their file are what they would be in memory."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from latentclust.data import build_datamodule, large, mapped
from latentclust.data.datamodule import DataModule
from latentclust.data.mapped import MappedInputs, Stored, parts
from latentclust.data.moments import moments
from latentclust.data.preprocess import Preprocess
from latentclust.data.streamed import BlockPermutation, StreamedBatches
from latentclust.errors import LatentclustError

RNG = np.random.default_rng(0)
HOLES = RNG.normal(3, 2, (50, 4)).astype(np.float32)
HOLES[3, 1] = HOLES[7] = np.nan
COUNTS = RNG.poisson(0.4, (300, 130)).astype(np.int64)
GRAY = RNG.integers(0, 256, (30, 5, 6), dtype=np.uint8)


def module(path: Path, array: np.ndarray, in_memory: bool | str, **options: object) -> DataModule:
    np.save(path / "own.npy", array)
    data = build_datamodule("files", path=str(path / "own.npy"), in_memory=in_memory, **options)
    data.setup()
    return data


@given(st.data())
def test_rows_are_those_of_the_array(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    shape = data.draw(st.sampled_from([(11, 3), (11, 2, 3), (11, 2, 3, 2)]))
    dtype = data.draw(st.sampled_from(["f4", ">f8", "u1", "i2", "f2", "?"]))
    array = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    array = np.asfortranarray(array) if data.draw(st.booleans()) else array
    path = tmp_path_factory.mktemp("mapped") / "own.npy"
    np.save(path, array)
    inputs = MappedInputs(Stored.of(path), lambda rows: torch.from_numpy(rows.astype(np.float32)))
    truth = torch.from_numpy(array.astype(np.float32))
    assert (inputs.shape, len(inputs), inputs.dim(), inputs.dtype) == (shape, 11, len(shape), torch.float32)
    places = torch.tensor(data.draw(st.lists(st.integers(0, 10))), dtype=torch.int64)
    start, stop = data.draw(st.integers(0, 12)), data.draw(st.integers(0, 12))
    for index in (slice(start, stop), places, truth.flatten(1)[:, 0] > 5):
        assert torch.equal(inputs[index], truth[index])
    assert torch.equal(inputs.then(torch.negative)[places], -truth[places])
    assert torch.equal(torch.cat(list(parts(inputs, 4))), truth)


@pytest.mark.parametrize(
    ("array", "steps"),
    [
        (HOLES, ["standardize"]),
        (HOLES.astype(np.float64), ["unit"]),
        (COUNTS, None),  # log1p+pca:50
        (COUNTS, ["log1p", "top:9", "standardize"]),
        (GRAY, None),
        (GRAY / 255, None),
        (GRAY.astype(np.float32) * 3, None),
        (GRAY > 99, None),
    ],
)
def test_a_file_gives_the_numbers_of_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, array: np.ndarray, steps: list[str] | None
) -> None:
    for room in (mapped, large):
        monkeypatch.setattr(room, "CHUNK", 16)  # several parts
    held = module(tmp_path, array, True, preprocess=steps)
    streamed = module(tmp_path, array, False, preprocess=steps)
    assert streamed.streams
    assert not held.streams
    assert streamed.notes[1:] == held.notes
    assert streamed.description.plain().keys() == held.description.plain().keys()
    assert torch.equal(streamed.pool.inputs[:], held.pool.inputs[:]) or torch.equal(
        streamed.pool.inputs[:].nan_to_num(), held.pool.inputs[:].nan_to_num()
    )
    assert (streamed.fingerprint, streamed.input_shape) == (held.fingerprint, held.input_shape)


def test_moments_are_those_of_all_rows_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapped, "CHUNK", 8)
    x = HOLES.astype(np.float64) * [1, 1e-3, 1e3, 1] + [0, 0, 1e6, 0]
    x[:, 3] = np.nan
    mean, variance = moments(torch.from_numpy(x))
    np.testing.assert_allclose(mean[:3], np.nanmean(x[:, :3], axis=0), rtol=1e-12)
    np.testing.assert_allclose(variance[:3], np.nanvar(x[:, :3], axis=0), rtol=1e-9)
    assert (mean[3], variance[3]) == (0, 0)


def test_principal_components_of_many_rows_are_those_of_a_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("latentclust.data.transforms.SAMPLE", 100)
    monkeypatch.setattr("latentclust.data.pool.SAMPLE", 100)
    data = module(tmp_path, COUNTS, False, preprocess=["pca:3"])
    assert "100 of the vectors" in data.notes[-1]
    chosen = torch.randperm(300, generator=torch.Generator().manual_seed(0))[:100].sort().values
    truth = Preprocess.fit(["pca:3"], torch.from_numpy(COUNTS[chosen]).float())
    torch.testing.assert_close(data.pool.inputs[:], truth(torch.from_numpy(COUNTS).float()))


sizes = st.integers(1, 200)


@given(sizes, st.integers(1, 12), st.integers(1, 5), st.integers(1, 3))
def test_each_row_comes_once_in_a_pass_from_few_blocks_at_a_time(
    size: int, block: int, blocks: int, passes: int
) -> None:
    permutation = BlockPermutation(size, block=block, blocks=blocks, passes=passes, seed=3)
    permutation.set_epoch(5)
    order = permutation.indices()
    torch.manual_seed(1)
    assert torch.equal(permutation.indices(), order)
    assert len(order) == passes * size
    for whole in order.split(size):
        assert sorted(whole.tolist()) == list(range(size))
        found: list[set[int]] = []  # the blocks of each buffer: no block is in two
        start = 0
        while start < size:
            group = set((whole[start : start + 1] // block).tolist())
            while start < size and (len(group) <= blocks):
                more = group | {int(whole[start]) // block}
                if len(more) > blocks:
                    break
                group, start = more, start + 1
            found.append(group)
        assert sum(map(len, found)) == len(set().union(*found))


def test_epochs_and_seeds_have_orders_of_their_own() -> None:
    orders = []
    for seed, epoch in ((0, 0), (0, 1), (1, 0)):
        permutation = BlockPermutation(100, block=5, blocks=4, seed=seed)
        permutation.set_epoch(epoch)
        orders.append(tuple(permutation.indices().tolist()))
    assert len(set(orders)) == 3


def test_batches_have_the_rows_that_they_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("latentclust.data.streamed.BLOCK", 16 * 3)
    monkeypatch.setattr("latentclust.data.streamed.BUFFER", 16 * 12)
    data = module(tmp_path, HOLES, False, batch_size=7, min_images_per_epoch=80, preprocess=["none"])
    batches = data.train_dataloader()
    assert isinstance(batches, StreamedBatches)
    assert (batches.sampler.block, batches.sampler.blocks, batches.held) == (3, 4, 14)
    batches.targets = torch.arange(50)[:, None]
    found = list(batches)
    assert [len(batch.x) for batch in found] == [7] * 14 + [2]
    for batch in found:
        np.testing.assert_array_equal(batch.x.numpy(), HOLES[batch.index.numpy()])
        assert torch.equal(batch.target[:, 0], batch.index)
    assert torch.equal(torch.cat([batch.index for batch in found]), batches.sampler.indices())


def test_auto_goes_by_the_free_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not module(tmp_path, HOLES, "auto").streams
    monkeypatch.setattr(large, "free_memory", lambda: 4 * HOLES.nbytes)
    assert module(tmp_path, HOLES, "auto").streams
    assert not module(tmp_path, HOLES, True).streams
    monkeypatch.setattr(large, "free_memory", lambda: 4 * HOLES.nbytes + 1)
    assert not module(tmp_path, HOLES, "auto").streams


@pytest.mark.parametrize("in_memory", [True, False])
def test_a_limit_reads_no_more_than_it_keeps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_memory: bool
) -> None:
    read: list[int] = []
    whole = Stored.read
    monkeypatch.setattr(Stored, "read", lambda self, index: read.append(len(index)) or whole(self, index))
    np.save(tmp_path / "own.npy", HOLES)
    np.savez(tmp_path / "own.npz", x=HOLES)
    data = module(tmp_path, HOLES, in_memory, limit=20, preprocess=["none"])
    assert read == [20]
    zipped = build_datamodule("files", path=str(tmp_path / "own.npz"), limit=20, preprocess=["none"])
    zipped.setup()
    np.testing.assert_array_equal(data.pool.inputs.numpy(), zipped.pool.inputs.numpy())
    with pytest.raises(LatentclustError, match="limit=51 is larger than the pool: give at most 50"):
        module(tmp_path, HOLES, in_memory, limit=51)


def test_what_cannot_be_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large, "CHUNK", 16)
    infinite = HOLES.copy()
    infinite[40, 2] = np.inf
    for array, message in (
        (infinite, "infinite number.* first in row 40"),
        (np.where(np.isnan(HOLES), 0, HOLES).reshape(50, 2, 2) * np.array([[1, np.nan]]), "images hold NaN"),
        (np.ones((5, 3)), "all 5 rows are equal"),
        (np.full((5, 3), np.nan), "all 5 rows are without a value"),
        (np.ones(5), r"x has shape \(5,\)"),
        (np.array([["a"]]), "x is <U1: give numbers"),
    ):
        with pytest.raises(LatentclustError, match=message) as caught:
            module(tmp_path, array, False)
        assert str(caught.value).count("own.npy") == 1
        assert "\n" not in str(caught.value)
    np.savez(tmp_path / "own.npz", x=HOLES)
    with pytest.raises(LatentclustError, match=r"numpy\.save\('x\.npy', x\)"):
        build_datamodule("files", path=str(tmp_path / "own.npz"), in_memory=False).setup()
    data = module(tmp_path, HOLES, False)
    np.save(tmp_path / "own.npy", HOLES[:20])
    with pytest.raises(LatentclustError, match="has changed since the run began"):
        data.pool.inputs[:3]
    (tmp_path / "own.npy").unlink()
    with pytest.raises(LatentclustError, match="cannot be read any more"):
        data.pool.inputs[:3]


@given(sizes, st.integers(1, 3), st.integers(0, 20), st.integers(2, 4))
def test_processes_read_their_own_rows_of_the_batches_of_one(
    tmp_path_factory: pytest.TempPathFactory, size: int, passes: int, more: int, world: int
) -> None:
    path = tmp_path_factory.mktemp("mapped") / "own.npy"
    np.save(path, np.arange(size, dtype=np.float32)[:, None])
    read: list[list[int]] = []

    def convert(rows: np.ndarray) -> torch.Tensor:
        read.append(rows[:, 0].astype(int).tolist())
        return torch.from_numpy(rows)

    inputs, options = MappedInputs(Stored.of(path), convert), {"passes": passes, "seed": 4}
    alone = list(StreamedBatches(inputs, world + more, **options))
    of_ranks = []
    for rank in range(world):
        read.clear()
        of_ranks.append(list(StreamedBatches(inputs, world + more, **options, rank=rank, world_size=world)))
        own = [int(x) for batch in of_ranks[-1] for x in batch.x[:, 0]]
        assert sorted(row for rows in read for row in rows) == sorted(own)
    assert {len(batches) for batches in of_ranks} == {len(alone)}
    for whole, *parts_of in zip(alone, *of_ranks, strict=True):
        counted = [place for part in parts_of if part.share for place in part.index.tolist()]
        assert sorted(counted) == sorted(whole.index.tolist())
        assert all(torch.equal(part.x[:, 0].long(), part.index) for part in parts_of)
        assert sum(part.share * part.x.mean() for part in parts_of) / world == pytest.approx(
            float(whole.x.mean()), rel=1e-5, abs=1e-5
        )
