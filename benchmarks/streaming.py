"""Inputs in memory and in their file, side by side: ``python benchmarks/streaming.py [--rows N ...]``.

Gaussian blobs, N vectors of 64 floats, are written to an ``.npy`` file block by block. The command line
trains VaDE on them twice, with ``data.in_memory=true`` and ``false``: a pretraining, a start, a training, the
scores, a row for each in assignments.csv. Of each whole process: the peak of its memory, its seconds by the
clock and of the processor, and the samples per second of the training steps (the median over the epochs).
With several N the growth shows. There are no figures: those look at samples alone.
"""

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from statistics import median
from tempfile import mkdtemp
from time import perf_counter
from typing import Any

import numpy as np

FEATURES, GROUPS, BLOCK = 64, 10, 100_000


def write_blobs(path: Path, n: int) -> None:
    """Write n vectors, block by block, so that this takes no memory either."""
    rng = np.random.default_rng(0)
    centers = rng.normal(0, 3, (GROUPS, FEATURES)).astype(np.float32)
    blobs = np.lib.format.open_memmap(path, "w+", np.float32, (n, FEATURES))
    for start in range(0, n, BLOCK):
        size = min(BLOCK, n - start)
        groups = rng.integers(0, GROUPS, size)
        blobs[start : start + size] = centers[groups] + rng.standard_normal((size, FEATURES), np.float32)
    blobs.flush()


def run(path: Path, folder: Path, in_memory: bool, epochs: int, extra: list[str]) -> dict[str, Any]:
    """Train once, and measure the whole process."""
    command = [sys.executable, "-m", "latentclust", "data=files", f"data.path={path}"]
    command += [f"data.in_memory={str(in_memory).lower()}", "model=vade", "network=small", "init=gmm"]
    command += [f"trainer.max_epochs={epochs}", "model.pretrain.max_epochs=1", "augment=auto"]
    command += ["figures.at_end=false", "figures.every_n_epochs=0", f"output_dir={folder}", *extra]
    start = perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    told = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} failed:\n{told[-2000:]}")
    summary = next(folder.glob("*/*/summary.json"))
    with (summary.parent / "metrics.csv").open() as file:
        rates = [row.get("perf/samples_per_second") for row in csv.DictReader(file)]
    whole = json.loads(summary.read_text())
    return {
        "in_memory": in_memory,
        "peak_memory_mib": round(usage.ru_maxrss / 1024),
        "samples_per_second": round(median(float(rate) for rate in rates if rate)),
        "total_seconds": round(perf_counter() - start),
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime),
        **{key: whole[key] for key in ("device", "commit", "date", "seed", "seconds", "versions")},
        "command": " ".join(command[1:]).replace(str(path), "blobs.npy").replace(str(folder), "outputs"),
    }


def main() -> None:
    """Write ``benchmarks/results/streaming.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 5_000_000])
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--modes", nargs="+", default=["true", "false"], help="data.in_memory")
    parser.add_argument("--place", type=Path, default=None, help="a folder with room for the file")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "streaming.json")
    parser.add_argument("overrides", nargs="*", help="further overrides of every run")
    options = parser.parse_args()
    runs = []
    for n in options.rows:
        place = Path(mkdtemp(dir=options.place))
        try:
            path = place / "blobs.npy"
            write_blobs(path, n)
            for in_memory in (mode == "true" for mode in options.modes):
                found = run(path, place / str(in_memory), in_memory, options.epochs, options.overrides)
                runs.append({"rows": n, "file_mib": round(path.stat().st_size / 2**20), **found})
                shown = ("rows", "in_memory", "peak_memory_mib", "samples_per_second", "cpu_seconds")
                print({key: runs[-1][key] for key in shown}, flush=True)
                shutil.rmtree(place / str(in_memory))
        finally:
            shutil.rmtree(place)
    options.out.write_text(json.dumps({"features": FEATURES, "runs": runs}, indent=1) + "\n")


if __name__ == "__main__":
    main()
