"""What benchmarks/gpu.py does within its own process: numbers like the CPU's, no waits, steps, clustering."""

import argparse
import os
from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latentclust.clustering import nearest, nearest_images
from latentclust.clustering.scikit import mixture_of
from latentclust.data.augment import Augmentation, augment
from latentclust.models import AE, DEC, IDEC, VAE, LatentModel, VaDE
from latentclust.training.callbacks.recorded_steps import Recorded

AFFINE = Augmentation(degrees=12, pixels=2, scale=0.15, shear=0.2)


def wait(device: str) -> None:
    """Wait until the device is done."""
    if device == "cuda":
        torch.cuda.synchronize()


def timed(function: Callable[[], Any], device: str, repeats: int = 3) -> float:
    """Return the fastest of some calls in seconds, after one that warms up."""
    function()
    seconds = []
    for _ in range(repeats):
        wait(device)
        start = perf_counter()
        function()
        wait(device)
        seconds.append(perf_counter() - start)
    return round(min(seconds), 5)


def models() -> dict[str, LatentModel]:
    """Each model with the default's convolutions, the same weights at each call."""
    torch.manual_seed(0)
    sizes: dict[str, Any] = {
        "input_shape": [1, 28, 28],
        "widths": [256],
        "latent_dim": 10,
        "channels": [32, 64],
    }
    kinds: dict[str, type[LatentModel]] = {"ae": AE, "vae": VAE, "vade": VaDE, "dec": DEC, "idec": IDEC}
    return {
        name: kind(**sizes, **({"n_clusters": 10} if name in ("vade", "dec", "idec") else {}))
        for name, kind in kinds.items()
    }


def images_of(n: int, device: str = "cpu") -> Tensor:
    """Random images, the same on each device."""
    return torch.rand(n, 1, 28, 28, generator=torch.Generator().manual_seed(0)).to(device)


def changed(x: Tensor) -> Tensor:
    """Augment images as trainings of the default do."""
    return augment(x, AFFINE)


def step(
    model: LatentModel,
    adam: torch.optim.Adam,
    x: Tensor,
    precision: str = "32-true",
    change: Callable[[Tensor], Tensor] = changed,
) -> Tensor:
    """Take a step of a training, augmentation and all."""
    images = change(x)
    with torch.autocast(x.device.type, torch.bfloat16, precision == "bf16-mixed", cache_enabled=False):
        loss = model.objective(images)["loss"]
    adam.zero_grad()
    loss.backward()
    adam.step()
    return loss.detach()


def numerics(device: str, options: argparse.Namespace) -> dict[str, Any]:
    """Compare codes, predictions and gradients with the CPU's: largest difference by largest value.

    As they are computed by default, and without TensorFloat-32, which rounds what convolutions multiply.
    """
    return {"by default": compared(device), "without TF32": without_tf32(compared, device)}


def without_tf32(function: Callable[[str], Any], device: str) -> Any:
    """Call a function of the device where convolutions multiply as precisely as everything else."""
    torch.backends.cudnn.allow_tf32 = False
    try:
        return function(device)
    finally:
        torch.backends.cudnn.allow_tf32 = True


def compared(device: str) -> dict[str, dict[str, float]]:
    """Compare each model's codes and the gradients of its encoder with the CPU's."""
    found = {}
    x = images_of(64)
    for name in models():
        both = []
        for where in ("cpu", device):
            one = models()[name].to(where).eval()
            codes = one.encode(x.to(where))
            # The other losses have random numbers, which differ from device to device.
            alike = name in ("ae", "dec", "idec")
            loss = one.measured_terms(x.to(where))["loss"] if alike else codes.square().mean()
            loss.backward()
            gradient = next(p.grad for p in one.encoder.parameters() if p.grad is not None)
            both.append((codes.detach().cpu(), gradient.cpu()))
        found[name] = {
            part: float((a - b).abs().max() / a.abs().max())
            for part, a, b in zip(("codes", "gradient"), *both, strict=True)
        }
    return found


def graphs(device: str, options: argparse.Namespace) -> dict[str, Any]:
    """Train each model some steps with CUDA graphs and twice without, and compare its weights.

    With the same kernels each time, as in trainings.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    found = {}
    try:
        for name in models():
            plain, again, recorded = (trained(name, device, with_graphs=one) for one in (False, False, True))
            found[name] = {
                "without and without": apart(plain, again),
                "without and with": apart(plain, recorded),
            }
    finally:
        torch.use_deterministic_algorithms(False)
    return found


def trained(name: str, device: str, *, with_graphs: bool) -> list[Tensor]:
    """Train a model for twenty steps and return its weights."""
    model = models()[name].to(device).train()
    change = record(model, device) if with_graphs else changed
    adam = torch.optim.Adam(list(model.parameter_groups()), fused=True)
    torch.manual_seed(1)
    for _ in range(20):
        step(model, adam, images_of(64, device), change=change)
    return [value.cpu() for value in model.state_dict().values()]


def apart(first: list[Tensor], second: list[Tensor]) -> float:
    """Return the largest difference of two models' weights."""
    return max(float((a.double() - b.double()).abs().max()) for a, b in zip(first, second, strict=True))


def record(model: LatentModel, device: str) -> Callable[[Tensor], Tensor]:
    """Have a model's objective recorded, as trainings on a GPU do, and return the recorded augmentation.

    A CPU has nothing to record with.
    """
    recorder = torch.cuda.make_graphed_callables if device == "cuda" else lambda step, given, **_: step
    model.objective = Recorded(model.objective, model, recorder)  # type: ignore[method-assign]
    return Recorded(changed, None, recorder)


def waits(device: str, options: argparse.Namespace) -> dict[str, Any]:
    """Take steps of each model where waiting for the device is an error."""
    for model in models().values():
        model.to(device).train()
        adam, x = torch.optim.Adam(list(model.parameter_groups()), fused=True), images_of(64, device)
        step(model, adam, x)
        if device == "cuda":
            torch.cuda.set_sync_debug_mode("error")
        try:
            step(model, adam, x)
        finally:
            if device == "cuda":
                torch.cuda.set_sync_debug_mode("default")
    return {"steps that waited": 0, "checked": device == "cuda"}


def steps(device: str, options: argparse.Namespace) -> dict[str, Any]:
    """Time a step of VaDE in float32 and bfloat16, with CUDA graphs and without, and what it is made of."""
    found: dict[str, Any] = {}
    for size in (16, 32) if options.small else (128, 800):
        x = images_of(size, device)
        for precision in ("32-true", "bf16-mixed"):
            for recorded in (False, True):
                model = models()["vade"].to(device).train()
                change = record(model, device) if recorded else changed
                adam = torch.optim.Adam(list(model.parameter_groups()), fused=True)
                name = f"batch {size}, {precision}, {'graphs' if recorded else 'eager'}"
                found[name] = timed(
                    lambda m=model, a=adam, p=precision, x=x, c=change: step(m, a, x, p, c), device, 20
                )
    model = models()["vade"].to(device).train()
    adam = torch.optim.Adam(list(model.parameter_groups()), fused=True)
    with torch.profiler.profile() as profiler:
        step(model, adam, x)
        wait(device)
    events = profiler.key_averages()
    key = "self_device_time_total" if device == "cuda" else "self_cpu_time_total"
    top = sorted(events, key=lambda event: getattr(event, key), reverse=True)[:12]
    return found | {"profile_us": {event.key[:80]: round(getattr(event, key)) for event in top}}


def clustering(device: str, options: argparse.Namespace) -> dict[str, Any]:
    """Time neighbors, the image distortion distance and mixtures here and on the CPU."""
    n = 300 if options.small else 10_000
    flat, images = images_of(n).flatten(1), (images_of(n) * 255).to(torch.uint8)
    codes = np.random.default_rng(0).normal(size=(n, 10))
    found: dict[str, Any] = {"images": n}
    for where in dict.fromkeys(("cpu", device)):
        there, pictures = flat.to(where), images.to(where)
        found[where] = {
            "neighbors": timed(lambda t=there: nearest(t, 15), where, 1),
            "distortion": timed(lambda p=pictures: nearest_images(p, 15), where, 1),
            "mixture": timed(
                lambda w=where: mixture_of(codes, 10, "full", n_init=2, seed=0, reg_covar=1e-4, device=w),
                where,
                1,
            ),
        }
    return found
