"""What processes share gives what one with all images would have; here threads stand for processes."""

from collections.abc import Callable, Iterator
from threading import Barrier, Thread, local
from typing import Any
from unittest.mock import Mock

import pytest
import torch
from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from latentclust.models import AE
from latentclust.modules.mixture import MixtureParameters
from latentclust.processes import first_before_others, from_first, is_first, rank, world_size
from latentclust.training.callbacks import StopsImproving
from latentclust.training.inference import in_chunks, in_shared_chunks
from latentclust.training.strategy import SharedBatches, SharedBatchNorm, SharedBatchNorms

WORLD = 3


class Ranks:
    """Runs a function once for each rank, in threads whose collectives meet in a list."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.place, self.meet, self.slots = local(), Barrier(WORLD, timeout=20), [None] * WORLD
        for name in ("all_reduce", "all_gather", "broadcast_object_list"):
            monkeypatch.setattr(distributed, name, getattr(self, name))
        monkeypatch.setattr(distributed, "is_initialized", lambda: hasattr(self.place, "rank"))
        monkeypatch.setattr(distributed, "get_world_size", lambda: WORLD)
        monkeypatch.setattr(distributed, "get_rank", lambda: self.place.rank)

    def __call__(self, function: Callable[[int], Any]) -> list[Any]:
        results: list[Any] = [None] * WORLD

        def run(number: int) -> None:
            self.place.rank = number
            results[number] = function(number)

        threads = [Thread(target=run, args=(number,)) for number in range(WORLD)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return results

    def exchanged(self, value: Any) -> list[Any]:
        self.slots[self.place.rank] = value
        self.meet.wait()
        values = list(self.slots)
        self.meet.wait()
        return values

    def all_reduce(self, tensor: Tensor) -> None:
        tensor.copy_(torch.stack(self.exchanged(tensor.clone())).sum(dim=0))

    def all_gather(self, parts: list[Tensor], tensor: Tensor) -> None:
        for part, value in zip(parts, self.exchanged(tensor), strict=True):
            part.copy_(value)

    def broadcast_object_list(self, values: list[Any], src: int) -> None:
        values[:] = self.exchanged(list(values))[src]


@pytest.fixture
def ranks(monkeypatch: pytest.MonkeyPatch) -> Ranks:
    return Ranks(monkeypatch)


def test_each_process_knows_its_place_and_what_the_first_one_says(ranks: Ranks) -> None:
    order: list[int] = []

    def work(number: int) -> Any:
        with first_before_others():
            order.append(number)
        return rank(), world_size(), is_first(), from_first({"said": torch.arange(number + 2)})

    found = ranks(work)
    assert order[0] == 0
    assert sorted(order) == list(range(WORLD))
    assert [place[:3] for place in found] == [(0, 3, True), (1, 3, False), (2, 3, False)]
    assert all(place[3]["said"].tolist() == [0, 1] for place in found)
    assert (rank(), world_size(), is_first(), from_first(7)) == (0, 1, True, 7)


@pytest.mark.parametrize("n", [1, 2, 7, 9])
@pytest.mark.parametrize(
    "function", [lambda x: x.sum(dim=1), lambda x: (x > 3).long() @ torch.ones(2).long()]
)
def test_images_are_seen_by_one_process_each_and_all_have_all_results(
    ranks: Ranks, n: int, function: Callable[[Tensor], Tensor]
) -> None:
    x = torch.arange(2.0 * n).view(n, 2)
    seen: list[int] = []

    def noted(part: Tensor) -> Tensor:
        seen.append(len(part))
        return function(part)

    for found in ranks(lambda _: in_shared_chunks(noted, x)):
        assert torch.equal(found, in_chunks(function, x))
    assert max(seen) == -(-n // WORLD)
    assert torch.equal(in_shared_chunks(function, x), in_chunks(function, x))


def test_all_processes_stop_early_with_the_first_one(ranks: Ranks) -> None:
    losses = [3.0, 2.0, 2.0, 2.0]  # the first one's: no better twice

    def work(number: int) -> list[bool]:
        early = StopsImproving("train/loss", "min", patience=2, min_delta=0.0)
        stopped = []
        for epoch, loss in enumerate(losses):
            own = torch.tensor(loss - epoch * number)  # another one's would go on improving
            trainer = Mock(fast_dev_run=False, sanity_checking=False, should_stop=False)
            trainer.state.fn, trainer.callback_metrics = TrainerFn.FITTING, {"train/loss": own}
            trainer.strategy.reduce_boolean_decision = lambda decision, all: decision
            early.on_train_epoch_end(trainer, Mock())
            stopped.append(trainer.should_stop)
        return stopped

    assert ranks(work) == [[False, False, False, True]] * WORLD


@pytest.mark.parametrize("momentum", [0.1, None])
@pytest.mark.parametrize("kind", [nn.BatchNorm1d, nn.BatchNorm2d])
def test_shared_batch_normalization_is_torchs_own_of_the_whole_batch(
    ranks: Ranks, kind: type[nn.Module], momentum: float | None
) -> None:
    """Outputs, gradients and running statistics, for shares of different sizes and a large mean."""
    torch.manual_seed(0)
    shape = (11, 4) if kind is nn.BatchNorm1d else (11, 4, 3, 2)
    x, weights = 100 + torch.randn(shape, dtype=torch.float64), torch.randn(shape, dtype=torch.float64)
    alone = kind(4, momentum=momentum).double()
    nn.init.normal_(alone.weight)
    state = {name: value.clone() for name, value in alone.state_dict().items()}
    whole = x.clone().requires_grad_()
    output = alone(whole)
    (output * weights).sum().backward()

    def work(number: int) -> Any:
        model = nn.Sequential(kind(4, momentum=momentum).double())
        model[0].load_state_dict(state)
        sync = SharedBatchNorms()
        assert sync.apply(model) is model
        assert isinstance(model[0], SharedBatchNorm)
        part = x[number::WORLD].clone().requires_grad_()
        normalized = model(part)
        (normalized * weights[number::WORLD]).sum().backward()
        sync.revert(model)
        assert type(model[0]) is kind
        return normalized, part.grad, model[0].weight.grad, model[0].bias.grad, model[0].state_dict()

    found = ranks(work)
    for number, (normalized, gradient, _, _, after) in enumerate(found):
        torch.testing.assert_close(normalized, output[number::WORLD])
        torch.testing.assert_close(gradient, whole.grad[number::WORLD])
        torch.testing.assert_close(after, alone.state_dict())
    torch.testing.assert_close(sum(result[2] for result in found), alone.weight.grad)
    torch.testing.assert_close(sum(result[3] for result in found), alone.bias.grad)


@pytest.fixture
def alone() -> Iterator[None]:
    """A group of this process alone."""
    distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


def test_what_stays_on_the_cpu_is_not_sent_between_devices(alone: None) -> None:
    """As where a finished run is continued: its checkpoint is in the model before the model is wrapped."""
    model = AE([1, 8, 8], [12], 3)
    model.code_mixture.set_parameters(
        MixtureParameters(torch.full((2,), 0.5), torch.zeros(2, 3), torch.ones(2, 3))
    )
    model.pool_bounds.set_pool(torch.arange(9.0))
    names = {id(tensor): name for name, tensor in model.named_buffers()}
    strategy = SharedBatches()
    strategy.parallel_devices = [torch.device("cpu")]
    strategy._lightning_module, strategy.model = model, model
    strategy._register_ddp_hooks = Mock()  # type: ignore[method-assign]
    strategy.configure_ddp()
    assert isinstance(strategy.model, DistributedDataParallel)
    sent = {names[id(tensor)] for tensor in strategy.model.modules_buffers}
    model.to("meta")  # stands for a device
    stay = {name for name, tensor in model.named_buffers() if tensor.device.type == "cpu"}
    assert stay == {"pool_bounds.quantiles"}
    assert sent == set(names.values()) - stay
