"""What else a run costs: time until training starts, measuring, initialization, memory, growth with the data.

    make bench                          # or: python benchmarks/resources.py --data digits --copies 1 2

Each figure comes from a process of its own, as a user would start it. Writes results/resources.json.

help          seconds that `--help` takes
start         seconds from the start of the process to the first training step, data on disk
accuracy      seconds of the accuracy callback after an epoch, and their share of the epoch
init          seconds of the mixture's initialization with its restarts
peak          MB of memory of a whole run, its evaluation and figures included (resident set, at most)
growth        images per second and peak memory of training on the images repeated with shifts
"""

import argparse
import json
import os
import platform
import shlex
import statistics
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter, time
from typing import Any

import numpy as np
import torch
from hydra import compose, initialize_config_dir
from pages import fill_page, markdown
from rich.console import Console
from rich.table import Table

from latentclust.compose import without_hydra
from latentclust.hardware import choose_accelerator, device_name
from latentclust.runs.run import commit
from latentclust.settings import check_settings
from latentclust.settings.data import PoolData
from latentclust.training.builders import build_data

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "resources.json"
PAGE = HERE.parent / "docs" / "performance.md"
FIRST_STEP = """
import os, sys, time
from latentclust.models import LatentModel
def first_step(*_):
    print("FIRST STEP", time.time() - float(os.environ["STARTED"]), flush=True)
    os._exit(0)
LatentModel.training_step = first_step
from latentclust.__main__ import main
main()
"""


def run(command: list[str], folder: Path) -> tuple[str, float, float]:
    """Run Python with these arguments; return its output, seconds and peak memory in MB."""
    log = folder / "output.txt"
    start = perf_counter()
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, *command],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | {"STARTED": str(time())},
        )
        _, status, usage = os.wait4(process.pid, 0)
    seconds = perf_counter() - start
    if status:
        sys.exit(f"python {shlex.join(command)} failed:\n{log.read_text()}")
    kilobytes = usage.ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    return log.read_text(), seconds, kilobytes / 1024


def overrides(folder: Path, data: list[str], epochs: int = 1) -> list[str]:
    """Return the overrides of a short run with everything that a normal one has."""
    short = [f"trainer.max_epochs={epochs}", "model.pretrain.max_epochs=1", "model.pretrain.cache=false"]
    return [
        "experiment=vade_plain",
        *data,
        *short,
        f"output_dir={folder}",
        "trainer.enable_progress_bar=false",
    ]


def whole_run(folder: Path, data: list[str], epochs: int = 1) -> dict[str, float]:
    """Train for an epoch, evaluate and draw; return what the summary and the system say of it."""
    _, _, peak = run(["-m", "latentclust", *overrides(folder, data, epochs)], folder)
    summary = json.loads(max(folder.glob("*/*/summary.json")).read_text())
    return {
        "images_per_second": summary["metrics"]["perf/samples_per_second"],
        "accuracy_s": summary["metrics"]["perf/accuracy_seconds"],
        "init_s": summary["seconds"]["init"],
        "peak_mb": peak,
    }


def repeated(data: list[str], copies: int, folder: Path) -> list[str]:
    """Write the images several times, each copy with its own shift; return overrides to read them."""
    with initialize_config_dir(str(HERE.parent / "conf"), version_base="1.3"):
        settings = check_settings(without_hydra(compose("config", overrides=data)))
    assert isinstance(settings.data, PoolData)
    pool = build_data(settings.data, settings.steps, settings.seed, settings.k).pool
    images = pool.inputs.squeeze(1).numpy()
    steps = [(copy % 3 - 1, copy // 3 % 3 - 1) for copy in range(copies)]
    path = folder / f"images-{copies}.npz"
    np.savez(path, images=np.concatenate([np.roll(images, step, axis=(1, 2)) for step in steps]))
    return ["data=files", f"data.path={path}"]


def measure(data: list[str], copies: list[int], rounds: int) -> dict[str, Any]:
    """Measure everything; return the figures."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        helps = [run(["-m", "latentclust", "--help"], folder)[1] for _ in range(rounds)]
        starts = []
        for _ in range(rounds):
            output, _, _ = run(["-c", FIRST_STEP, *overrides(folder, data)], folder)
            starts.append(float(output.split("FIRST STEP")[1]))
        one = whole_run(folder, data)
        images = np.load(repeated(data, 1, folder)[1].partition("=")[2])["images"]
        n_images, pixels = len(images), images[0].size
        rows = []
        for count in copies:
            settings = repeated(data, count, folder)
            figures = whole_run(folder, settings)
            rows.append({"images": count * n_images} | {key: round(v, 1) for key, v in figures.items()})
    epoch = n_images / one["images_per_second"] + one["accuracy_s"]
    return {
        "help_s": round(statistics.median(helps), 2),
        "start_s": round(statistics.median(starts), 2),
        "accuracy_s": round(one["accuracy_s"], 2),
        "accuracy_share": round(one["accuracy_s"] / epoch, 3),
        "init_s": round(one["init_s"], 2),
        "peak_mb": round(one["peak_mb"]),
        "pixels": pixels,
        "growth": rows,
    }


def costs(figures: dict[str, Any]) -> list[list[str]]:
    """Lay the figures out, the header first."""
    return [
        ["what a run of VaDE costs", "measured"],
        ["`--help`", f"{figures['help_s']:.2f} s"],
        ["start to first training step", f"{figures['start_s']:.1f} s"],
        ["measuring accuracy after an epoch", f"{figures['accuracy_s']:.2f} s"],
        ["that, as a share of the epoch", f"{100 * figures['accuracy_share']:.1f} %"],
        ["the mixture's initialization", f"{figures['init_s']:.1f} s"],
        ["peak memory of a whole run", f"{figures['peak_mb']:,} MB"],
    ]


def growth(figures: dict[str, Any]) -> list[list[str]]:
    """Lay out how cost grows with the images, the header first."""
    rows = figures["growth"]
    return [
        [
            "images",
            "images/s",
            "peak memory",
            "beyond the first row's",
            "of it uint8 images",
            "initialization",
        ],
        *(
            [
                f"{row['images']:,}",
                f"{row['images_per_second']:,.0f}",
                f"{row['peak_mb']:,.0f} MB",
                f"{row['peak_mb'] - rows[0]['peak_mb']:,.0f} MB",
                f"{(row['images'] - rows[0]['images']) * figures['pixels'] / 2**20:,.0f} MB",
                f"{row['init_s']:.1f} s",
            ]
            for row in rows
        ),
    ]


def main() -> None:
    """Measure, print the table and write the file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", default="mnist", help="a choice of the group data")
    parser.add_argument("--copies", type=int, nargs="+", default=[1, 3, 10])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    options.output.parent.mkdir(parents=True, exist_ok=True)
    figures = measure([f"data={options.data}"], options.copies, options.rounds)
    for header, *rows in (costs(figures), growth(figures)):
        table = Table(*header)
        for row in rows:
            table.add_row(*row)
        Console().print(table)
    facts = {
        "command": shlex.join(["python", *sys.argv]),
        "data": options.data,
        "commit": commit(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "device": device_name(choose_accelerator("auto")),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }
    options.output.write_text(json.dumps(facts | figures, indent=1) + "\n")
    if options.output == RESULTS:
        fill_page(PAGE, "resources", markdown(costs(figures)))
        fill_page(PAGE, "growth", markdown(growth(figures)))


if __name__ == "__main__":
    main()
