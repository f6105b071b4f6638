"""One job of two threads after the other, against two jobs of one thread at a time.

    python benchmarks/launchers.py FOLDER     # some minutes on two cores that nothing else uses

A sweep of four autoencoders is run in both ways in turn, in processes of their own; FOLDER gets the runs.
Writes benchmarks/results/launchers.json and the table of docs/sweeps.md.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

from pages import DOCS, fill_page, markdown

import runs
from latentclust.hardware import device_name
from latentclust.runs.run import commit

RESULTS = runs.ROOT / "benchmarks" / "results" / "launchers.json"
SIZES = {
    "1,797 small digits, 5 epochs": ("data=digits", "trainer.max_epochs=5"),
    "10,000 digits of MNIST, 2 epochs": ("data=mnist", "data.limit=10000", "trainer.max_epochs=2"),
}
SWEEP = ("-m", "model=ae", "seed=0,1,2,3", "figures.at_end=false", "logger=none")
WAYS = {
    "one after the other, two threads": ("2", ()),
    "two at a time, one thread each": ("1", ("launcher=joblib", "hydra.launcher.n_jobs=2")),
}


def seconds(folder: Path, threads: str, overrides: tuple[str, ...]) -> float:
    """Time a sweep, from the command to its end."""
    shutil.rmtree(folder, ignore_errors=True)
    start = perf_counter()
    subprocess.run(
        [sys.executable, "-m", "latentclust", *SWEEP, *overrides, f"output_dir={folder}"],
        env=os.environ | {"OMP_NUM_THREADS": threads},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return round(perf_counter() - start, 1)


def main() -> None:
    """Time both ways and write the result."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, nargs="?", default=runs.ROOT / "outputs" / "launchers")
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    found: dict[str, dict[str, list[float]]] = {size: {way: [] for way in WAYS} for size in SIZES}
    for _ in range(options.rounds):
        for size, data in SIZES.items():
            for way, (threads, launcher) in WAYS.items():
                found[size][way].append(seconds(options.folder, threads, (*data, *launcher)))
    about = {
        "command": f"python benchmarks/launchers.py --rounds {options.rounds}",
        "commit": commit(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "device": device_name("cpu"),
        "load_before": load,
    }
    runs.keep(RESULTS, about | {"seconds": found})
    rows = [["four runs of an autoencoder", *WAYS]]
    rows += [
        [size, *(f"{statistics.median(times):.1f} s" for times in ways.values())]
        for size, ways in found.items()
    ]
    fill_page(DOCS / "sweeps.md", "launchers", markdown(rows))


if __name__ == "__main__":
    main()
