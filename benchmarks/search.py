"""TPE against random search: 30 short trials each, an autoencoder on the 1,797 small digits.

    python benchmarks/search.py FOLDER       # some minutes on one core; trials and studies go to FOLDER
    python benchmarks/search.py --tables     # only the table

Both look for the lowest reconstruction error of held-out images, which needs no labels; ACC of a Gaussian
mixture on the best trial's codes is only reported. Writes benchmarks/results/search.json and the table of
docs/sweeps.md.
"""

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

from pages import DOCS, fill_page, markdown

from latentclust.hardware import device_name
from latentclust.runs.run import commit

ROOT = Path(__file__).resolve().parent.parent
RESULTS, PAGE = ROOT / "benchmarks" / "results" / "search.json", DOCS / "sweeps.md"
TRIALS, SEEDS = 30, (0,)
BASE = (
    "model=ae",
    "data=digits",
    "data.min_images_per_epoch=null",
    "trainer.max_epochs=3",
    "callbacks.cluster_accuracy.every_n_epochs=0",
    "logger=none",
)


def searched(folder: Path, sampler: str, seed: int) -> dict[str, Any]:
    """Search once and return the best value after 10, 20 and 30 trials, and the ACC of the last of these."""
    name = f"{sampler}-{seed}"
    shutil.rmtree(folder / "search" / name, ignore_errors=True)
    command = [
        *("task=search", "search=ae", *BASE, f"search.sampler={sampler}", "search.pruning=false"),
        *(f"search.study={name}", f"search.n_trials={TRIALS}", f"seed={seed}", f"output_dir={folder}"),
    ]
    start = perf_counter()
    latentclust(command, "1")
    seconds = perf_counter() - start
    place = folder / "search" / name
    with (place / "trials.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["state"] == "complete"]
    values = [float(row["value"]) for row in rows]
    best = rows[values.index(min(values))]
    metrics = json.loads((place / "trials" / best["number"] / "summary.json").read_text())["metrics"]
    return {
        "sampler": sampler,
        "seed": seed,
        "command": " ".join(["python -m latentclust", *command[:-1]]),
        "seconds": round(seconds, 1),
        "best": {str(n): min(values[:n]) for n in (10, 20, TRIALS)},
        "acc_of_best": metrics["cluster/acc"],
        "values": values,
    }


def latentclust(arguments: list[str], threads: str) -> None:
    """Run the command line."""
    subprocess.run(
        [sys.executable, "-m", "latentclust", *arguments],
        env=os.environ | {"OMP_NUM_THREADS": threads},
        stdout=subprocess.DEVNULL,
        check=True,
    )


def write_tables(result: dict[str, Any]) -> None:
    """Write the table into the page."""
    rows = [["sampler", "seed", "best of 10", "of 20", f"of {TRIALS}", "its ACC", "seconds"]]
    for found in result["searches"]:
        best = [f"{value:.4f}" for value in found["best"].values()]
        acc, seconds = f"{100 * found['acc_of_best']:.1f} %", f"{found['seconds']:.0f}"
        rows.append([found["sampler"], str(found["seed"]), *best, acc, seconds])
    fill_page(PAGE, "search", markdown(rows))


def main() -> None:
    """Search by both samplers and write the result."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, nargs="?", default=Path("outputs/benchmark_search"))
    parser.add_argument("--tables", action="store_true")
    options = parser.parse_args()
    if not options.tables:
        result: dict[str, Any] = {
            "command": "python benchmarks/search.py",
            "commit": commit(),
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "device": device_name("cpu"),
            "searches": [],
        }
        for seed in SEEDS:
            for sampler in ("random", "tpe"):
                result["searches"].append(searched(options.folder, sampler, seed))
                RESULTS.write_text(json.dumps(result, indent=1) + "\n")
    write_tables(json.loads(RESULTS.read_text()))


if __name__ == "__main__":
    main()
