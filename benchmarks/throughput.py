"""How fast VaDE trains: a plain loop, latentclust, and what the hardware allows.

    make bench                          # or: python benchmarks/throughput.py --images 20000 --rounds 1

Contestants train the same network on the same images, in turn, for several rounds, so that a noisy machine
hurts all alike; the fastest rounds count, for noise only slows. Writes benchmarks/results/throughput.json.

plain        float tensors in a TensorDataset, DataLoader(shuffle, 4 workers), fp32, Adam, loss.item()
latentclust  an epoch of the Lightning Trainer with a normal run's callbacks, loggers and checkpoints
floor        our module and batches in a bare loop: no Lightning, no logging
limit        the bare matrix products of a step, forward and backward, at these shapes and this precision
clustpy      an epoch of ClustPy's VaDE with the same layers, where it is installed (the extra `bench`)
"""

import argparse
import json
import platform
import shlex
import sys
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from contestants import CONTESTANTS
from hydra import compose, initialize_config_dir
from pages import fill_page, markdown
from rich.console import Console
from rich.table import Table

from latentclust.compose import without_hydra
from latentclust.engine.stages import resolved
from latentclust.hardware import choose_accelerator, choose_precision, device_name
from latentclust.runs.run import commit
from latentclust.settings import check_settings
from latentclust.settings.data import PoolData
from latentclust.training.builders import build_data
from latentclust.training.quiet import silence_known_warnings

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "throughput.json"
PAGE = HERE.parent / "docs" / "performance.md"


def measure(batch_size: int, images: int | None, rounds: int, data_name: str) -> dict[str, Any]:
    """Run the contestants in turn; return images per second, by contestant, and the ratios of the medians."""
    overrides = ["experiment=vade_plain", f"data={data_name}", f"data.batch_size={batch_size}"]
    with initialize_config_dir(str(HERE.parent / "conf"), version_base="1.3"):
        cfg = compose("config", overrides=[*overrides, f"data.limit={images or 'null'}"])
    settings = check_settings(without_hydra(cfg))
    accelerator = choose_accelerator(settings.trainer.accelerator)
    assert isinstance(settings.data, PoolData)
    steps = settings.steps
    data = build_data(settings.data, steps, settings.seed, settings.k).to(accelerator)
    settings = resolved(data, settings, told=False)
    speeds: dict[str, list[float]] = {name: [] for name in CONTESTANTS}
    for _ in range(rounds):
        for name, contestant in CONTESTANTS.items():
            speeds[name].append(len(data.pool) / contestant(settings, data, accelerator))
    best = {name: max(values) for name, values in speeds.items()}
    return {
        "batch_size": batch_size,
        "images": len(data.pool),
        "precision": choose_precision(accelerator, settings.trainer.precision),
        "images_per_second": {name: [round(v) for v in values] for name, values in speeds.items()},
        "ratios": {
            f"latentclust/{name}": round(best["latentclust"] / best[name], 3)
            for name in CONTESTANTS
            if name != "latentclust"
        },
    }


def cells(rows: list[dict[str, Any]]) -> list[list[str]]:
    """Lay the figures out, the header first: a row for each contestant, a column for each batch size."""
    lines = [["batch size", *(f"{row['batch_size']:,}" for row in rows)]]
    for name in rows[0]["images_per_second"]:
        line = [name]
        for row in rows:
            ratio = row["ratios"].get(f"latentclust/{name}")
            speed = f"{max(row['images_per_second'][name]):,.0f}"
            line.append(speed if ratio is None else f"{speed} ({ratio:.2f})")
        lines.append(line)
    return lines


def main() -> None:
    """Measure each batch size, print the table and write the file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[256, 800, 2048])
    parser.add_argument("--images", type=int, help="a subset of this many images")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data", default="mnist", help="a choice of the group data")
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    options.output.parent.mkdir(parents=True, exist_ok=True)
    silence_known_warnings()
    # The plain loop's four workers are part of what is compared, on few cores too.
    warnings.filterwarnings("ignore", "This DataLoader will create 4 worker processes")
    # ClustPy's random network gives the mixture that is fitted to it codes that hardly differ.
    warnings.filterwarnings("ignore", module="sklearn|clustpy")
    rows = [measure(size, options.images, options.rounds, options.data) for size in options.batch_sizes]
    table = Table(title="VaDE, images per second (fastest round); in brackets latentclust's ratio to it")
    header, *lines = cells(rows)
    for heading in header:
        table.add_column(heading, justify="right", no_wrap=True)
    for line in lines:
        table.add_row(*line)
    Console().print(table)
    facts = {
        "command": shlex.join(["python", *sys.argv]),
        "data": options.data,
        "commit": commit(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "device": device_name(choose_accelerator("auto")),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "rounds": options.rounds,
    }
    options.output.write_text(json.dumps(facts | {"rows": rows}, indent=1) + "\n")
    if options.output == RESULTS:
        fill_page(PAGE, "throughput", markdown(cells(rows)))


if __name__ == "__main__":
    main()
