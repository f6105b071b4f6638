"""How fast VaDE trains: a plain loop, latentclust, and what the hardware allows.

    make bench                          # or: python benchmarks/throughput.py --images 20000 --rounds 1

Contestants train the same network on the same images, in turn, for several rounds, so that a noisy machine
hurts all alike; medians and ratios count. Writes benchmarks/results/throughput.json.

plain        float tensors in a TensorDataset, DataLoader(shuffle, 4 workers), fp32, Adam, loss.item()
latentclust  an epoch of the Lightning Trainer with a normal run's callbacks, loggers and checkpoints
floor        our module and batches in a bare loop: no Lightning, no logging
limit        the bare matrix products of a step, forward and backward, at these shapes and this precision
"""

import argparse
import json
import platform
import shlex
import statistics
import sys
import tempfile
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from time import perf_counter
from typing import Any

import lightning as L
import torch
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig
from rich.console import Console
from rich.table import Table
from torch.utils.data import DataLoader, TensorDataset

from latentclust.callbacks import ClusterAccuracy, History
from latentclust.data import ImageDataModule, to_unit_interval
from latentclust.hardware import choose_accelerator, choose_precision, device_name
from latentclust.models import VaDE
from latentclust.tasks.quiet import silence_known_warnings
from latentclust.tasks.run import Run, commit
from latentclust.tasks.wiring import build_data, build_model, build_trainer

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "throughput.json"


class EpochClock(L.Callback):
    """Times the epochs of a Trainer from the first batch to the last callback of the epoch."""

    def __init__(self) -> None:
        self.start = 0.0
        self.seconds = 0.0

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Start the clock."""
        self.start = perf_counter()

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Stop it after the measures and the checkpoint."""
        self.seconds = perf_counter() - self.start


def autocast(device: str, precision: str) -> AbstractContextManager[Any]:
    """Return the context that Lightning trains in at this precision."""
    return torch.autocast(device, torch.bfloat16) if precision == "bf16-mixed" else nullcontext()


def synchronize(device: str) -> None:
    """Wait for the device."""
    if device == "cuda":
        torch.cuda.synchronize()


def plain(cfg: DictConfig, data: ImageDataModule, device: str) -> float:
    """Train an epoch as a notebook would write it; return seconds."""
    images = TensorDataset(to_unit_interval(data.pool.images).cpu())
    loader = DataLoader(images, cfg.data.batch_size, shuffle=True, num_workers=4)
    model = build(cfg, data).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    start = perf_counter()
    for (x,) in loader:
        loss = model.objective(x.to(device))["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()
    return perf_counter() - start


def latentclust(cfg: DictConfig, data: ImageDataModule, device: str) -> float:
    """Train an epoch through the Trainer, everything of a normal run included; return seconds."""
    clock, measures = EpochClock(), [ClusterAccuracy(cfg.n_clusters), History()]
    with tempfile.TemporaryDirectory() as folder:
        run = Run(Path(folder), [])
        trainer = build_trainer(
            cfg, run, data, "train", Path(folder), max_epochs=1, measures=[*measures, clock]
        )
        trainer.fit(build(cfg, data), datamodule=data)
    return clock.seconds


def floor(cfg: DictConfig, data: ImageDataModule, device: str) -> float:
    """Train an epoch with our module and batches in a bare loop; return seconds."""
    model = build(cfg, data).to(device)
    optimizer = torch.optim.Adam(list(model.parameter_groups()), fused=True)
    context = autocast(device, choose_precision(device, cfg.trainer.precision))
    start = perf_counter()
    for batch in data.train_dataloader():
        with context:
            loss = model.objective(to_unit_interval(batch))["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    synchronize(device)
    return perf_counter() - start


def limit(cfg: DictConfig, data: ImageDataModule, device: str) -> float:
    """Compute an epoch's matrix products and nothing else; return seconds."""
    dtype = (
        torch.bfloat16 if choose_precision(device, cfg.trainer.precision) == "bf16-mixed" else torch.float32
    )
    layers = [m for m in build(cfg, data).modules() if isinstance(m, torch.nn.Linear)]
    n = cfg.data.batch_size
    operands = [
        (
            torch.rand(n, layer.in_features, device=device, dtype=dtype),
            torch.rand(n, layer.out_features, device=device, dtype=dtype),
            torch.rand(layer.out_features, layer.in_features, device=device, dtype=dtype),
        )
        for layer in layers
    ]
    steps = len(data.pool) / n
    repeats = max(3, round(steps / 4))
    start = perf_counter()
    for _ in range(repeats):
        for number, (inputs, outputs, weight) in enumerate(operands):
            inputs @ weight.T
            outputs.T @ inputs
            if number:  # the images need no gradient
                outputs @ weight
    synchronize(device)
    return (perf_counter() - start) * steps / repeats


CONTESTANTS: dict[str, Callable[[DictConfig, ImageDataModule, str], float]] = {
    "plain": plain,
    "latentclust": latentclust,
    "floor": floor,
    "limit": limit,
}


def build(cfg: DictConfig, data: ImageDataModule) -> VaDE:
    """Build the default VaDE; the time of an epoch does not depend on where its mixture starts."""
    model = build_model(cfg, data.input_shape)
    assert isinstance(model, VaDE)
    return model


def measure(batch_size: int, images: int | None, rounds: int, data_name: str) -> dict[str, Any]:
    """Run the contestants in turn; return images per second, by contestant, and the ratios of the medians."""
    overrides = [f"data={data_name}", f"data.batch_size={batch_size}", "trainer.enable_progress_bar=false"]
    with initialize_config_dir(str(HERE.parent / "conf"), version_base="1.3"):
        cfg = compose("config", overrides=[*overrides, f"data.limit={images or 'null'}"])
    accelerator = choose_accelerator(cfg.trainer.accelerator)
    data = build_data(cfg).to(accelerator)
    speeds: dict[str, list[float]] = {name: [] for name in CONTESTANTS}
    for _ in range(rounds):
        for name, contestant in CONTESTANTS.items():
            speeds[name].append(len(data.pool) / contestant(cfg, data, accelerator))
    median = {name: statistics.median(values) for name, values in speeds.items()}
    return {
        "batch_size": batch_size,
        "images": len(data.pool),
        "precision": choose_precision(accelerator, cfg.trainer.precision),
        "images_per_second": {name: [round(v) for v in values] for name, values in speeds.items()},
        "ratios": {
            f"latentclust/{name}": round(median["latentclust"] / median[name], 3)
            for name in ("plain", "floor", "limit")
        },
    }


def main() -> None:
    """Measure each batch size, print the table and write the file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[256, 800, 2048])
    parser.add_argument("--images", type=int, help="a subset of so many images")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data", default="mnist", help="a choice of the group data")
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    options.output.parent.mkdir(parents=True, exist_ok=True)
    silence_known_warnings()
    # The plain loop's four workers are part of what is compared, on few cores too.
    warnings.filterwarnings("ignore", "This DataLoader will create 4 worker processes")
    rows = [measure(size, options.images, options.rounds, options.data) for size in options.batch_sizes]
    ratios = [name.replace("latentclust", "") for name in rows[0]["ratios"]]
    table = Table(
        "batch", *CONTESTANTS, *ratios, title="VaDE, images per second (median); ratios of latentclust"
    )
    for row in rows:
        speeds = [f"{statistics.median(values):,.0f}" for values in row["images_per_second"].values()]
        table.add_row(str(row["batch_size"]), *speeds, *(f"{ratio:.2f}" for ratio in row["ratios"].values()))
    Console().print(table)
    facts = {
        "command": shlex.join(["python", *sys.argv]),
        "data": options.data,
        "commit": commit(),
        "device": device_name(choose_accelerator("auto")),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "rounds": options.rounds,
    }
    options.output.write_text(json.dumps(facts | {"rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
