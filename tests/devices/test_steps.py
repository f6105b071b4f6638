"""Every step of every model on a device that is not the CPU: equal results, and no wait of the host."""

import subprocess
import sys

import pytest
import torch

from tests.conftest import REPOSITORY
from tests.devices.pretended import NAME, WAITS, MixedDevicesError, OnDevice, PretendedDevice
from tests.devices.steps import Case, cases, inputs, look, train


@pytest.mark.parametrize(
    "code",
    [
        "x.sum().item()",
        "x.tolist()",
        "bool((x > 1).all())",
        "x[x > 0.5]",
        "x.cpu()",
        "x[torch.tensor([0])]",
        "torch.linalg.inv(x)",
        "torch.tensor([1.0], device=x.device)",
        "torch.ones(2).to(x.device)",
        "x.copy_(torch.ones(2, 2))",
    ],
)
def test_the_device_sees_what_a_host_waits_for(code: str) -> None:
    with PretendedDevice():
        x = torch.eye(2, device=NAME)
        assert sum(WAITS.values()) == 0
        eval(code, {"torch": torch, "x": x})
        assert sum(WAITS.values()) == 1


@pytest.mark.parametrize("code", ["x + torch.ones(2)", "torch.ones(2)[x.long()]", "torch.ones(2, 2) @ x"])
def test_tensors_of_two_devices_cannot_meet(code: str) -> None:
    with PretendedDevice(), pytest.raises(MixedDevicesError):
        eval(code, {"torch": torch, "x": torch.eye(2, device=NAME)})


def test_nothing_makes_numpy_of_a_tensor_on_the_device() -> None:
    with PretendedDevice(), pytest.raises(RuntimeError, match="numpy"):
        torch.eye(2, device=NAME).numpy()


@pytest.mark.parametrize("case", list(cases()), ids=lambda case: case.name)
def test_each_step_of_each_model(case: Case, like_a_gpu: None) -> None:
    def run(device: str) -> list[torch.Tensor]:
        model = case.build().to(device)
        torch.manual_seed(1)
        stored = inputs(case, device)
        WAITS.clear()
        found = [*train(case, model, stored), *look(case, model, stored)]
        # The order of the epoch's batches comes from the host, once.
        assert dict(WAITS) == ({"to the device": 1} if device == NAME else {})
        return [*found, *model.parameters()]

    here = run("cpu")
    with PretendedDevice():
        there = run(NAME)
        assert all(isinstance(tensor.detach(), OnDevice) for tensor in there)
        for expected, found in zip(here, there, strict=True):
            assert torch.equal(found.detach().cpu(), expected)


@pytest.mark.skipif(
    torch.version.cuda is None, reason="only a CUDA build knows tensors of its device without one"
)
@pytest.mark.long
def test_each_step_on_a_gpu_without_values() -> None:
    """In a process of its own: torch may end it. Without a driver there are no gradients."""
    part = "whole" if torch.cuda.is_available() else "forward"
    done = subprocess.run(
        [sys.executable, "-m", "tests.devices.steps", part],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.split() == [case.name for case in cases()]
