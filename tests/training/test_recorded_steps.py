"""Recorded steps, with a recorder that keeps to the rules of CUDA graphs on a CPU."""

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from latentclust.models import VAE, LatentModel
from latentclust.training import trainers
from latentclust.training.callbacks import RecordedSteps
from latentclust.training.callbacks.recorded_steps import MOST, Recorded
from tests.conftest import Command, same_weights


class Recorder:
    """Does what ``torch.cuda.make_graphed_callables`` does, but for being fast.

    It calls the function thrice, back and forth, before it records; a replay reads the tensors that the
    recording was made with, into which it copies what it gets, and writes its outputs where it wrote the
    last ones.
    """

    def __init__(self) -> None:
        self.recorded = 0
        self.replayed = 0

    def __call__(
        self, step: nn.Module, given: tuple[Tensor, ...], allow_unused_input: bool
    ) -> Callable[..., Any]:
        parameters = [parameter for parameter in step.parameters() if parameter.requires_grad]
        for _ in range(3):
            found = step(*given)
            if isinstance(found, dict):
                assert [name for name, term in found.items() if term.requires_grad] == ["loss"]
                torch.autograd.grad(found["loss"], parameters, allow_unused=allow_unused_input)
        self.recorded += 1
        return partial(self.replay, step, given, [])

    def replay(self, step: nn.Module, static: tuple[Tensor, ...], outputs: list[Any], *given: Tensor) -> Any:
        self.replayed += 1
        for tensor, value in zip(static, given, strict=True):
            assert (tensor.shape, tensor.dtype) == (value.shape, value.dtype)
            tensor.copy_(value)
        found = step(*static)
        if isinstance(found, Tensor):
            if not outputs:
                outputs.append(torch.empty_like(found))
            return outputs[0].copy_(found)
        return found


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """Have the trainings of this test recorded."""
    one = Recorder()
    monkeypatch.setattr(trainers, "recorded", lambda settings, accelerator: True)
    monkeypatch.setattr(trainers, "RecordedSteps", lambda: RecordedSteps(one))
    return one


ANEW = "model.pretrain.cache=false"
CASES = [
    ["experiment=tiny_guided", "model.warmup.kl_weight=3", "model.warmup.kl_epochs=1", ANEW],
    ["experiment=tiny_conv", ANEW],  # with augmentation and batch normalization
    ["experiment=tiny_dec", ANEW],
    ["experiment=tiny_vae"],
]


@pytest.mark.parametrize("arguments", CASES, ids=lambda arguments: arguments[0][11:])
def test_a_recorded_training_is_the_same_to_the_last_bit(
    latentclust: Command, recorder: Recorder, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    outcome = latentclust(*arguments)
    assert outcome.status == 0, outcome.err
    assert recorder.recorded > 0
    assert recorder.replayed > 3 * recorder.recorded
    recorder.replayed = 0
    monkeypatch.setattr(trainers, "recorded", lambda settings, accelerator: False)
    plain = latentclust(*arguments)
    assert not recorder.replayed
    assert same_weights(outcome.weights(), plain.weights())
    recorded, other = outcome.summary["metrics"], plain.summary["metrics"]
    assert {name: recorded[name] for name in recorded if not name.startswith("perf/")} == {
        name: other[name] for name in other if not name.startswith("perf/")
    }


def test_a_model_has_to_say_that_it_can_be_recorded(
    latentclust: Command, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(VAE, "recordable", False)
    assert latentclust("experiment=tiny_vae").status == 0
    assert not recorder.recorded
    assert not LatentModel.recordable


class Model(nn.Module):
    """Something with a parameter, a buffer that changes, and noise."""

    calls: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3))
        self.register_buffer("calls", torch.zeros(()))

    def objective(
        self, x: Tensor, targets: Tensor | None = None, *, hold: bool = False, weight: float = 1.0
    ) -> dict[str, Tensor]:
        self.calls += 1
        loss = (x * self.weight + torch.randn(3)).sum() * weight + (0 if targets is None else targets.sum())
        return {"loss": loss, "held": loss * hold}


def test_numbers_may_change_and_everything_else_is_another_kind() -> None:
    model, recorder = Model(), Recorder()
    step = Recorded(model.objective, model, recorder)
    x = torch.arange(6.0).view(2, 3)
    for weight in (1.0, 2.5, 0.0):
        torch.manual_seed(0)
        expected = model.objective(x, weight=weight)
        torch.manual_seed(0)
        found = step(x, weight=weight)
        assert list(found) == list(expected)
        assert found["loss"].item() == pytest.approx(expected["loss"].item())
    assert recorder.recorded == 1
    step(x, weight=1.0, hold=True)
    step(x, torch.ones(2), weight=1.0)
    step(x[:1], weight=1.0)
    assert recorder.recorded == 4
    model.weight.data = model.weight.data.clone()  # elsewhere in memory
    step(x, weight=1.0)
    assert recorder.recorded == 5


def test_recording_leaves_no_trace() -> None:
    model = Model()
    step = Recorded(model.objective, model, Recorder())
    torch.manual_seed(3)
    expected = (torch.randn(3), torch.randn(3))
    torch.manual_seed(3)
    first = step(torch.zeros(1, 3))["loss"].item()
    assert first == pytest.approx(expected[0].sum().item())
    assert torch.equal(torch.randn(3), expected[1])
    assert model.calls.item() == 1
    assert model.weight.grad is None


def test_what_is_not_trained_is_not_recorded() -> None:
    model, recorder = Model(), Recorder()
    step = Recorded(model.objective, model, recorder)
    with torch.no_grad():
        step(torch.zeros(1, 3))
    model.eval()
    step(torch.zeros(1, 3))
    assert not recorder.recorded


def test_there_is_an_end_to_kinds() -> None:
    model, recorder = Model(), Recorder()
    step = Recorded(model.objective, model, recorder)
    for n in range(1, MOST + 4):
        assert step(torch.zeros(n, 3))["loss"].requires_grad
    assert recorder.recorded == MOST


def test_a_step_that_cannot_be_recorded_is_taken_all_the_same(caplog: pytest.LogCaptureFixture) -> None:
    def refuse(*args: Any, **options: Any) -> Any:
        raise RuntimeError("operation not permitted when stream is capturing\nand more")

    model = Model()
    step = Recorded(model.objective, model, refuse)
    with caplog.at_level(logging.WARNING):
        losses = [step(torch.ones(1, 3))["loss"] for _ in range(3)]
    assert all(loss.requires_grad for loss in losses)
    assert [record.getMessage() for record in caplog.records] == [
        "A kind of step is not recorded and takes longer: operation not permitted when stream is capturing"
    ]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, True),
        ({"cuda_graphs": False}, False),
        ({"devices": 2}, False),
        ({"accumulate_grad_batches": 2}, False),
        ({"detect_anomaly": True}, False),
    ],
)
def test_when_steps_are_recorded(arguments: dict[str, Any], expected: bool) -> None:
    settings = trainers.Trainer(**arguments)
    assert trainers.recorded(settings, "cuda") == expected
    assert not trainers.recorded(settings, "cpu")
    assert not trainers.recorded(settings, "mps")
