"""Runs of latentclust in processes of their own, and what result files keep of them."""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
KEPT = (
    "command",
    "commit",
    "date",
    "device",
    "model",
    "data",
    "seed",
    "versions",
    "seconds",
    "results",
    "clusters",
    "warnings",
    "config",
)


def run(overrides: Sequence[str], folder: Path, threads: int, root: Path = ROOT) -> dict[str, Any]:
    """Run the latentclust of a checkout, its output going to <folder>/output.txt, and return its summary.

    Raises
    ------
    RuntimeError
        If it ends with another status than 0.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with (folder / "output.txt").open("w") as output:
        status = subprocess.run(
            [sys.executable, "-m", "latentclust", *overrides, f"hydra.run.dir={folder}"],
            cwd=root,
            env=os.environ | {"OMP_NUM_THREADS": str(threads), "PYTHONPATH": str(root / "src")},
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        ).returncode
    if status:
        raise RuntimeError(f"failed with status {status}, see {folder / 'output.txt'}")
    summary: dict[str, Any] = json.loads((folder / "summary.json").read_text())
    return summary


def keep(path: Path, result: Any) -> None:
    """Write a result file, without the path of the checkout."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1).replace(f"{ROOT}/", "") + "\n")


def parallel(run_one: Callable[..., str], jobs: Iterable[tuple[Any, ...]], at_a_time: int) -> None:
    """Run jobs, a few at a time, and print the outcome of each."""
    with ThreadPoolExecutor(at_a_time) as pool:
        for outcome in pool.map(lambda job: run_one(*job), jobs):
            print(outcome, flush=True)


def percent(values: Sequence[float], digits: int = 2) -> list[str]:
    """Write mean and spread, worst and best of shares in percent; a single one has no spread."""
    values = [100 * value for value in values]
    spread = f" ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else ""
    return [
        f"{statistics.mean(values):.{digits}f}{spread}",
        f"{min(values):.{digits}f}",
        f"{max(values):.{digits}f}",
    ]


def arguments(description: str | None, jobs: int) -> argparse.ArgumentParser:
    """Parse the options that all these scripts have."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--jobs", type=int, default=jobs, help="runs at a time")
    parser.add_argument("--threads", type=int, help="of each run; the cores are shared among them")
    return parser


def threads(options: argparse.Namespace) -> int:
    """Return the threads of each run."""
    chosen: int | None = options.threads
    return chosen or max(1, (os.cpu_count() or 1) // options.jobs)
