"""Choose what to compute on, and in which precision."""

import os
import platform
from pathlib import Path
from typing import Any, Literal

import torch
from lightning.pytorch.accelerators import CUDAAccelerator, MPSAccelerator

from latentclust.errors import LatentclustError

Precision = Literal["32-true", "bf16-mixed", "16-mixed"]


def choose_accelerator(wish: str) -> str:
    """Turn ``auto`` and ``gpu`` into the accelerator that is there: ``cuda``, ``mps`` or ``cpu``.

    Raises
    ------
    LatentclustError
        If the machine lacks the one that was asked for.
    """
    available = {"cuda": CUDAAccelerator.is_available(), "mps": MPSAccelerator.is_available(), "cpu": True}
    candidates = {"auto": ["cuda", "mps", "cpu"], "gpu": ["cuda", "mps"]}.get(wish, [wish])
    for accelerator in candidates:
        if available.get(accelerator):
            return accelerator
    raise LatentclustError(
        f"trainer.accelerator={wish}: this machine has none that PyTorch can use; "
        "choose trainer.accelerator=cpu or auto"
    )


def require_devices(accelerator: str, devices: int) -> None:
    """Check that the machine has as many GPUs, or cores for as many processes.

    Raises
    ------
    LatentclustError
        If it has fewer.
    """
    if accelerator == "cuda":
        available, kind = torch.cuda.device_count(), "GPU"
    elif accelerator == "mps":
        available, kind = 1, "GPU"
    else:
        available, kind = cores(), "CPU core"
    if devices > available:
        raise LatentclustError(
            f"trainer.devices={devices}: this machine has {available} {kind}{'s' * (available != 1)} for "
            f"trainer.accelerator={accelerator}; choose at most as many"
        )


def cores() -> int:
    """Return how many CPU cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def choose_precision(accelerator: str, wish: str) -> Precision:
    """Turn ``auto`` into bf16-mixed where the hardware is fast at it, else into 32-true."""
    if wish != "auto":
        return wish  # type: ignore[return-value]  # checked with the configuration
    if accelerator == "cuda":
        fast = torch.cuda.get_device_capability() >= (8, 0)
    elif accelerator == "cpu":
        # AMX alone: AVX-512's bf16 instructions save less than a third of the time, no reason to round
        # by default. Older releases of torch cannot tell.
        fast = bool(getattr(torch.cpu, "get_capabilities", dict[str, Any])().get("amx_bf16", False))
    else:
        fast = False
    return "bf16-mixed" if fast else "32-true"


def device_name(accelerator: str, n_processes: int = 1) -> str:
    """Name the device for people, such as ``NVIDIA H200`` or ``AMD EPYC, 2 threads``.

    Where several train, their processes are counted: ``NVIDIA H200, 4 processes``.
    """
    if n_processes > 1:
        return f"{device_name(accelerator)}, {n_processes} processes"
    if accelerator == "cuda":
        return torch.cuda.get_device_name()
    if accelerator == "mps":
        return f"Apple {platform.machine()} GPU"
    threads = torch.get_num_threads()
    return f"{_cpu_name()}, {threads} thread{'s' if threads > 1 else ''}"


def _cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
