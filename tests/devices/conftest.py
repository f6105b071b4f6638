from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import pytest
import torch
from lightning.pytorch.accelerators import CPUAccelerator
from lightning.pytorch.strategies import SingleDeviceStrategy
from torch.optim import optimizer

from latentclust.models import base
from tests.devices.pretended import NAME, PretendedDevice


@pytest.fixture
def like_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the pretended device what torch has for real ones: autocast, generators, Adam as one kernel."""
    autocast, generator = torch.autocast, torch.Generator

    def autocast_of(device: str, **options: Any) -> Any:
        return nullcontext() if device == NAME else autocast(device, **options)

    def generator_of(device: Any = "cpu") -> torch.Generator:
        return generator("cpu" if torch.device(device).type == NAME else device)

    monkeypatch.setattr(torch, "autocast", autocast_of)
    monkeypatch.setattr(torch, "Generator", generator_of)
    monkeypatch.setattr(base, "FUSED_DEVICES", {"cpu", NAME})
    monkeypatch.setattr(optimizer, "_get_fused_kernels_supported_devices", lambda: ["cpu", NAME])


@pytest.fixture
def on_device(
    monkeypatch: pytest.MonkeyPatch, like_a_gpu: None
) -> Callable[[], AbstractContextManager[None]]:
    """Within ``with on_device():`` trainings run on the pretended device."""
    begin = SingleDeviceStrategy.__init__

    def on_it(self: SingleDeviceStrategy, device: Any = "cpu", **options: Any) -> None:
        begin(self, torch.device(NAME), **options)

    @contextmanager
    def within() -> Iterator[None]:
        with monkeypatch.context() as patch, PretendedDevice():
            patch.setattr(SingleDeviceStrategy, "__init__", on_it)
            patch.setattr(CPUAccelerator, "setup_device", lambda self, device: None)
            yield

    return within
