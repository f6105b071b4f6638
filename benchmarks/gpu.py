"""What a GPU gives, in one run and one file: numbers like the CPU's, no waits, the time of everything.

    python benchmarks/gpu.py                               # on a machine with a GPU, MNIST in data/
    python benchmarks/gpu.py --data digits --small         # everything once, on a CPU too

Needs no network. Parts can be chosen, as in `--parts numerics waits`; each keeps its result, or why it
failed, so that one that breaks does not cost the others. Writes benchmarks/results/gpu.json.
"""

import argparse
import json
import os
import platform
import shlex
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latentclust.clustering import nearest, nearest_images
from latentclust.clustering.scikit import mixture_of
from latentclust.data.augment import Augmentation, augment
from latentclust.hardware import choose_accelerator, choose_precision, device_name
from latentclust.models import AE, DEC, IDEC, VAE, LatentModel, VaDE
from latentclust.runs.run import commit

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "gpu.json"
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


def step(model: LatentModel, adam: torch.optim.Adam, x: Tensor, precision: str = "32-true") -> Tensor:
    """Take a step of a training, augmentation and all."""
    with torch.autocast(x.device.type, torch.bfloat16, enabled=precision == "bf16-mixed"):
        loss = model.objective(augment(x, AFFINE))["loss"]
    adam.zero_grad()
    loss.backward()
    adam.step()
    return loss.detach()


def numerics(device: str, options: argparse.Namespace) -> dict[str, Any]:
    """Compare codes, predictions and gradients with the CPU's: largest difference by largest value."""
    found = {}
    x = images_of(64)
    for name, model in models().items():
        both = []
        for where in ("cpu", device):
            one = models()[name].to(where).eval()
            loss = one.measured_terms(x.to(where)) if name in ("ae", "dec", "idec") else {}
            codes = one.encode(x.to(where))
            (loss["loss"] if loss else codes.square().mean()).backward()
            gradient = next(p.grad for p in one.encoder.parameters() if p.grad is not None)
            both.append((codes.detach().cpu(), gradient.cpu()))
        found[name] = {
            part: float((a - b).abs().max() / a.abs().max())
            for part, a, b in zip(("codes", "gradient"), *both, strict=True)
        }
        del model
    return found


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
    """Time a step of VaDE in float32 and bfloat16, and compiled; and say which kernels take it."""
    x, found = images_of(32 if options.small else 800, device), {}
    for precision in ("32-true", "bf16-mixed"):
        model = models()["vade"].to(device).train()
        adam = torch.optim.Adam(list(model.parameter_groups()), fused=True)
        found[precision] = timed(lambda m=model, a=adam, p=precision: step(m, a, x, p), device, 10)
    if not options.small:
        model.objective = torch.compile(model.objective)  # type: ignore[method-assign]
        start = perf_counter()
        step(model, adam, x, "bf16-mixed")
        found["compiling"] = round(perf_counter() - start, 2)
        found["bf16-mixed, compiled"] = timed(lambda: step(model, adam, x, "bf16-mixed"), device, 10)
    model = models()["vade"].to(device).train()
    adam = torch.optim.Adam(list(model.parameter_groups()), fused=True)
    with torch.profiler.profile() as profiler:
        step(model, adam, x)
        wait(device)
    events = profiler.key_averages()
    key = "self_device_time_total" if device == "cuda" else "self_cpu_time_total"
    top = sorted(events, key=lambda event: getattr(event, key), reverse=True)[:12]
    return found | {"profile_us": {event.key: round(getattr(event, key)) for event in top}}


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


def command(options: argparse.Namespace, overrides: list[str], seeds: int) -> dict[str, Any]:
    """Run the command line for several seeds at once; return seconds, and the stages and ACC of the first."""
    with tempfile.TemporaryDirectory() as name:
        start, processes = perf_counter(), []
        for seed in range(seeds):
            run = [
                f"data={options.data}",
                f"seed={seed}",
                f"output_dir={name}/{seed}",
                f"hydra.run.dir={name}/run{seed}",
            ]
            processes.append(
                subprocess.Popen(
                    [
                        sys.executable,
                        "-m",
                        "latentclust",
                        "trainer.enable_progress_bar=false",
                        *run,
                        *overrides,
                    ],
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    cwd=ROOT,
                )
            )
        for process in processes:
            errors = process.communicate()[1].decode()
            if process.returncode:
                raise RuntimeError(errors[-2000:])
        seconds = perf_counter() - start
        summary = json.loads((Path(name) / "run0" / "summary.json").read_text())
    return {
        "seeds": seeds,
        "seconds": round(seconds, 1),
        "stages": summary["seconds"],
        "acc": summary["results"][-1]["pool"]["acc"],
        "device": summary["device"],
    }


def runs(device: str, options: argparse.Namespace) -> dict[str, Any]:
    """Time the default from command to report, the handout's 50 + 300 epochs, and ten seeds at once."""
    short = ["model.pretrain.max_epochs=1", "trainer.max_epochs=1"] if options.small else []
    if options.small:
        return {
            "seeds": command(
                options, ["experiment=vade_plain", "figures.at_end=false", "data.limit=200", *short], 2
            )
        }
    handout = [
        "experiment=lab/exercise3_vade",
        "data.batch_size=800",
        "model.pretrain.max_epochs=50",
        "trainer.max_epochs=300",
        "figures.at_end=false",
    ]
    return {
        "default": command(options, [], 1),
        "default in float32": command(options, ["trainer.precision=32-true"], 1),
        "handout": command(options, handout, 1),
        "handout, ten seeds": command(options, handout, 10),
    }


PARTS: dict[str, Callable[[str, argparse.Namespace], dict[str, Any]]] = {
    "numerics": numerics,
    "waits": waits,
    "steps": steps,
    "clustering": clustering,
    "runs": runs,
}


def main() -> None:
    """Run the parts, each kept as soon as it is done."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--small", action="store_true", help="everything once, as small as it goes")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    device = choose_accelerator("auto")
    figures: dict[str, Any] = {
        "command": shlex.join(["python", *sys.argv]),
        "commit": commit(),
        "device": device_name(device),
        "precision": choose_precision(device, "auto"),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "cores": os.cpu_count(),
    }
    options.output.parent.mkdir(parents=True, exist_ok=True)
    failed = False
    for name in options.parts:
        start = perf_counter()
        try:
            figures[name] = PARTS[name](device, options)
        except Exception:
            figures[name], failed = {"failed": traceback.format_exc()}, True
        figures[name]["took_s"] = round(perf_counter() - start, 1)
        print(name, json.dumps(figures[name], indent=1), flush=True)
        options.output.write_text(json.dumps(figures, indent=1) + "\n")
    sys.exit(failed)


if __name__ == "__main__":
    main()
