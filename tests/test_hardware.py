"""What is computed on, and in which precision, on machines that this one is not."""

import platform
from typing import Any

import pytest
import torch

from latentclust import hardware
from latentclust.errors import LatentclustError
from latentclust.hardware import choose_accelerator, choose_precision, device_name


def machine_with(monkeypatch: pytest.MonkeyPatch, *, cuda: bool = False, mps: bool = False) -> None:
    monkeypatch.setattr(hardware.CUDAAccelerator, "is_available", staticmethod(lambda: cuda))
    monkeypatch.setattr(hardware.MPSAccelerator, "is_available", staticmethod(lambda: mps))


@pytest.mark.parametrize(
    ("there", "wish", "chosen"),
    [
        ({"cuda"}, "auto", "cuda"),
        ({"cuda"}, "gpu", "cuda"),
        ({"cuda"}, "cuda", "cuda"),
        ({"cuda"}, "cpu", "cpu"),
        ({"cuda"}, "mps", None),
        ({"mps"}, "auto", "mps"),
        ({"mps"}, "gpu", "mps"),
        ({"mps"}, "mps", "mps"),
        ({"mps"}, "cpu", "cpu"),
        ({"cuda", "mps"}, "auto", "cuda"),
        ({"cuda", "mps"}, "mps", "mps"),
        (set(), "auto", "cpu"),
        (set(), "cpu", "cpu"),
        (set(), "gpu", None),
        (set(), "cuda", None),
        (set(), "tpu", None),
    ],
)
def test_what_there_is_decides_on_the_accelerator(
    monkeypatch: pytest.MonkeyPatch, there: set[str], wish: str, chosen: str | None
) -> None:
    machine_with(monkeypatch, **dict.fromkeys(there, True))
    if chosen is not None:
        assert choose_accelerator(wish) == chosen
        return
    with pytest.raises(LatentclustError, match=f"trainer.accelerator={wish}.*choose .*=cpu or auto"):
        choose_accelerator(wish)


@pytest.mark.parametrize(
    ("capability", "precision"),
    [((6, 1), "32-true"), ((7, 5), "32-true"), ((8, 0), "bf16-mixed"), ((9, 0), "bf16-mixed")],
)
def test_a_gpu_gets_bfloat16_from_ampere_on(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], precision: str
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: capability)
    assert choose_precision("cuda", "auto") == precision


@pytest.mark.parametrize(
    ("capabilities", "precision"),
    [
        ({"amx_bf16": True, "avx512_bf16": True}, "bf16-mixed"),
        ({"amx_bf16": False, "avx512_bf16": True}, "32-true"),
        ({"avx512_bf16": True}, "32-true"),
        ({}, "32-true"),
    ],
)
def test_a_cpu_gets_bfloat16_with_amx_alone(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, Any], precision: str
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert choose_precision("cpu", "auto") == precision


def test_a_torch_that_cannot_tell_gets_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert choose_precision("cpu", "auto") == "32-true"


def test_apples_gpu_gets_float32() -> None:
    assert choose_precision("mps", "auto") == "32-true"


@pytest.mark.parametrize("accelerator", ["cuda", "mps", "cpu"])
@pytest.mark.parametrize("wish", ["32-true", "bf16-mixed", "16-mixed"])
def test_a_precision_that_was_asked_for_stays(accelerator: str, wish: str) -> None:
    assert choose_precision(accelerator, wish) == wish


def test_devices_have_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "NVIDIA H200")
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    assert device_name("cuda") == "NVIDIA H200"
    assert device_name("mps") == "Apple arm64 GPU"


@pytest.mark.parametrize(("threads", "words"), [(1, "1 thread"), (2, "2 threads")])
def test_a_cpus_name_comes_with_its_threads(
    monkeypatch: pytest.MonkeyPatch, threads: int, words: str
) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    monkeypatch.setattr(hardware, "_cpu_name", lambda: "AMD EPYC")
    assert device_name("cpu") == f"AMD EPYC, {words}"


def test_the_cpus_name_is_what_the_system_says(monkeypatch: pytest.MonkeyPatch) -> None:
    class CpuInfo:
        text: str | None = "processor\t: 0\nmodel name\t: AMD EPYC 9654: 96 cores \nmodel name\t: another\n"

        def __init__(self, path: str) -> None:
            assert path == "/proc/cpuinfo"

        def exists(self) -> bool:
            return self.text is not None

        def read_text(self, encoding: str) -> str:
            assert self.text is not None
            return self.text

    monkeypatch.setattr(hardware, "Path", CpuInfo)
    monkeypatch.setattr(platform, "processor", lambda: "")
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    assert device_name("cpu").startswith("AMD EPYC 9654: 96 cores, ")
    # Not every processor says what it is called, and not every system has the file.
    CpuInfo.text = "processor\t: 0\n"
    assert device_name("cpu").startswith("aarch64, ")
    CpuInfo.text = None
    monkeypatch.setattr(platform, "processor", lambda: "Intel64")
    assert device_name("cpu").startswith("Intel64, ")
