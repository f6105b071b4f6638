"""How well recipes cluster, over seeds: run what is missing, and write the tables from all runs.

    python benchmarks/accuracy.py vade_manifold --seeds 0 1 2      # an experiment, or `default`
    python benchmarks/accuracy.py vade_manifold --data fashion_mnist   # the same recipe on other data
    python benchmarks/accuracy.py                                      # the tables alone

Each run leaves benchmarks/results/accuracy/<recipe>-<data>-<seed>.json as soon as it is over, and one that is
there is not run again: a stopped session goes on where it was. All runs are listed; the best never stands
without mean, spread and worst. Writes the table of docs/results.md.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pages import fill_page, markdown

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "accuracy"
PAGES = (ROOT / "docs" / "results.md", ROOT / "README.md")
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


def run(recipe: str, data: str, seed: int, threads: int) -> str:
    """Run a recipe for a seed, unless its file is there; return what happened, for people."""
    name = f"{recipe}-{data}-{seed}"
    path, folder = RESULTS / f"{name}.json", ROOT / "outputs" / "accuracy" / name
    if path.exists():
        return f"{name}: there already"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    experiment = [] if recipe == "default" else [f"experiment={recipe}"]
    command = [
        *experiment,
        f"data={data}",
        f"seed={seed}",
        "trainer.enable_progress_bar=false",
        "figures.at_end=false",
    ]
    with (folder / "output.txt").open("w") as output:
        status = subprocess.run(
            [sys.executable, "-m", "latentclust", *command, f"hydra.run.dir={folder}"],
            cwd=ROOT,
            env=os.environ | {"OMP_NUM_THREADS": str(threads)},
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        ).returncode
    if status:
        return f"{name}: failed with status {status}, see {folder / 'output.txt'}"
    summary = json.loads((folder / "summary.json").read_text())
    kept = {"recipe": recipe} | {key: summary[key] for key in KEPT}
    # Where the checkout lies is nobody's business.
    path.write_text(json.dumps(kept, indent=1).replace(f"{ROOT}/", "") + "\n")
    return f"{name}: ACC {100 * summary['results'][-1]['pool']['acc']:.2f}"


def load() -> list[dict[str, Any]]:
    """Read all runs."""
    runs = [json.loads(path.read_text()) for path in sorted(RESULTS.glob("*.json"))]
    return sorted(runs, key=lambda run: (run["recipe"], run["data"], run["seed"]))


def grouped(runs: list[dict[str, Any]]) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Group runs by recipe and data; stop where the runs of a group have different settings."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for one in runs:
        groups.setdefault((one["recipe"], one["data"]), []).append(one)
    for (recipe, data), group in groups.items():
        settings = [one["config"] | {"seed": 0} for one in group]
        if any(other != settings[0] for other in settings):
            sys.exit(f"the runs of {recipe} on {data} have different settings: delete the old ones' files")
    return groups


def percent(values: list[float]) -> list[str]:
    """Write mean and spread, worst and best of shares; a single one has no spread."""
    values = [100 * value for value in values]
    spread = f" ± {statistics.stdev(values):.2f}" if len(values) > 1 else ""
    return [f"{statistics.mean(values):.2f}{spread}", f"{min(values):.2f}", f"{max(values):.2f}"]


def table(runs: list[dict[str, Any]]) -> str:
    """Write a table with a row for each recipe and data set: the model's own clustering, and its start's."""
    scores = ["ACC mean ± sd", "worst", "best", "NMI", "ARI", "test ACC", "start ACC"]
    lines = [["recipe", "data", "seeds", *scores]]
    for (recipe, data), group in grouped(runs).items():
        own = [one["results"][-1] for one in group]
        start = [one["results"][-2]["pool"]["acc"] for one in group]
        test = [result["test"]["acc_by_pool"] for result in own]
        lines.append(
            [
                f"`{recipe}`",
                data,
                ", ".join(str(one["seed"]) for one in group),
                *percent([r["pool"]["acc"] for r in own]),
                *(f"{100 * statistics.mean(r['pool'][score] for r in own):.2f}" for score in ("nmi", "ari")),
                f"{100 * statistics.mean(test):.2f}",
                f"{100 * statistics.mean(start):.2f}",
            ]
        )
    return markdown(lines, left=2)


def main() -> None:
    """Run what is missing, then write the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recipes", nargs="*", help="names of conf/experiment, or default")
    parser.add_argument("--data", nargs="+", default=["mnist"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time")
    parser.add_argument("--threads", type=int, help="of each run; the cores are shared among them")
    options = parser.parse_args()
    RESULTS.mkdir(parents=True, exist_ok=True)
    threads = options.threads or max(1, (os.cpu_count() or 1) // options.jobs)
    jobs = [(r, d, s, threads) for r in options.recipes for d in options.data for s in options.seeds]
    with ThreadPoolExecutor(options.jobs) as pool:
        for outcome in pool.map(lambda job: run(*job), jobs):
            print(outcome, flush=True)
    for page in PAGES:
        fill_page(page, "accuracy", table(load()))


if __name__ == "__main__":
    main()
