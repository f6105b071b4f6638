"""Recorded steps, with a recorder that keeps to the rules of CUDA graphs on a CPU."""

import logging
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

import lightning as L
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from latentclust.errors import LatentclustError
from latentclust.models import AE, DEC, IDEC, VAE, VaDE
from latentclust.training import trainers
from latentclust.training.callbacks import RecordedSteps
from latentclust.training.callbacks.recorded_steps import MOST, Recorded, recordable
from tests.conftest import Command, same_weights


class Recorder:
    """Does what ``torch.cuda.make_graphed_callables`` does, except that it is not fast.

    It calls the function three times, forward and backward, before it records. A replay reads the tensors
    that the recording was made with, into which it copies what it gets, and writes its outputs where it wrote
    the last ones. What a recording could not read again, such as the epoch, raises an error in a replay.
    """

    def __init__(self) -> None:
        self.recorded = 0
        self.replayed = 0
        self.steps: list[weakref.ref[nn.Module]] = []

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
        self.steps.append(weakref.ref(step))
        step.forward = partial(self.replay, step.forward, given, {})  # type: ignore[method-assign]
        return step

    def replay(
        self,
        forward: Callable[..., Any],
        static: tuple[Tensor, ...],
        outputs: dict[str, Tensor],
        *given: Tensor,
    ) -> Any:
        self.replayed += 1
        for tensor, value in zip(static, given, strict=True):
            assert (tensor.shape, tensor.dtype) == (value.shape, value.dtype)
            tensor.copy_(value)
        with pytest.MonkeyPatch.context() as patch:
            for name in ("current_epoch", "global_step", "trainer"):
                patch.setattr(L.LightningModule, name, property(unreadable))
            found = forward(*static)
        if isinstance(found, Tensor):
            return outputs.setdefault("", torch.empty_like(found)).copy_(found)
        return {
            name: term if name == "loss" else outputs.setdefault(name, torch.empty_like(term)).copy_(term)
            for name, term in found.items()
        }


def unreadable(module: L.LightningModule) -> None:
    """Stand for what a recording read when it was made."""
    raise AssertionError("a recorded step reads what changes from step to step")


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


def test_recordings_are_freed_with_the_training(latentclust: Command, recorder: Recorder) -> None:
    assert latentclust("experiment=tiny_guided", ANEW).status == 0
    assert recorder.steps
    assert not [step for step in recorder.steps if step() is not None]


def test_a_model_has_to_say_that_it_can_be_recorded(
    latentclust: Command, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(VAE, "recordable", False)
    assert latentclust("experiment=tiny_vae").status == 0
    assert not recorder.recorded


def test_whoever_writes_an_objective_has_to_say_so() -> None:
    class Same(VaDE):
        """Has its parent's objective."""

    class Other(VaDE):
        def objective(self, x: Tensor, *args: Any, **options: Any) -> dict[str, Tensor]:
            return {"loss": super().objective(x)["loss"] * self.current_epoch}

    assert all(recordable(kind) for kind in (AE, VAE, VaDE, DEC, IDEC, Same))
    assert not recordable(Other)


def test_what_a_recording_could_not_read_again_is_found(
    latentclust: Command, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The recorder of these tests sees it."""
    objective = VAE.objective
    monkeypatch.setattr(
        VAE, "objective", lambda self, x: {**objective(self, x), "epoch": torch.tensor(self.current_epoch)}
    )
    with pytest.raises(AssertionError, match="reads what changes"):
        latentclust("experiment=tiny_vae")


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
    for weight in (1.0, 2.5, np.float64(0.0)):
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


def test_a_recording_that_fails_leaves_none_either() -> None:
    def interrupted(step: nn.Module, given: tuple[Tensor, ...], **options: Any) -> Any:
        step(*given)
        raise KeyboardInterrupt

    model = Model()
    torch.manual_seed(3)
    expected = torch.randn(3)
    torch.manual_seed(3)
    with pytest.raises(KeyboardInterrupt):
        Recorded(model.objective, model, interrupted)(torch.zeros(1, 3))
    assert model.calls.item() == 0
    assert torch.equal(torch.randn(3), expected)


def test_what_is_not_trained_is_not_recorded() -> None:
    model, recorder = Model(), Recorder()
    step = Recorded(model.objective, model, recorder)
    with torch.no_grad():
        step(torch.zeros(1, 3))
    model.eval()
    step(torch.zeros(1, 3))
    assert not recorder.recorded


def test_there_is_an_end_to_kinds(caplog: pytest.LogCaptureFixture) -> None:
    model, recorder = Model(), Recorder()
    step = Recorded(model.objective, model, recorder)
    with caplog.at_level(logging.INFO):
        for n in range(1, MOST + 4):
            assert step(torch.zeros(n, 3))["loss"].requires_grad
    assert recorder.recorded == MOST
    assert [record.getMessage() for record in caplog.records] == [
        "There are more than 8 kinds of steps: further ones are not recorded"
    ]


def test_a_step_that_cannot_be_recorded_ends_in_one_line() -> None:
    def refuse(*args: Any, **options: Any) -> Any:
        raise RuntimeError("operation not permitted when stream is capturing\nand more")

    model = Model()
    with pytest.raises(
        LatentclustError, match=r"^a training step cannot be recorded \(operation not permitted"
    ):
        Recorded(model.objective, model, refuse)(torch.ones(1, 3))


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
