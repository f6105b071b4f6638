"""Whether bfloat16 costs accuracy: the default in both precisions, seed by seed.

    python benchmarks/precision.py     # five seeds of each set in both precisions; goes on where it stopped

Writes benchmarks/results/precision.json after each run and the table of docs/performance.md. The seconds are
of the training, on whatever the machine is: only those of one line can be compared.
"""

import json
import statistics
from collections.abc import Sequence
from typing import Any

from pages import DOCS, fill_page, markdown

import runs

RESULTS = runs.ROOT / "benchmarks" / "results" / "precision.json"
SETS = {
    "digits": ("data=digits",),
    "10,000 of MNIST": ("data=mnist", "data.limit=10000"),
}
PRECISIONS = ("32-true", "bf16-mixed")
QUIET = ("trainer.enable_progress_bar=false", "figures.at_end=false", "logger=none")


def main() -> None:
    """Run what is missing and write the table."""
    parser = runs.arguments(__doc__, jobs=1)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    options = parser.parse_args()
    found = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for name, data in SETS.items():
        for seed in options.seeds:
            for precision in PRECISIONS:
                key = f"{name}, {precision}, seed {seed}"
                if key not in found:
                    overrides = [*data, f"seed={seed}", f"trainer.precision={precision}", *QUIET]
                    folder = runs.ROOT / "outputs" / "precision" / key.replace(",", "").replace(" ", "_")
                    summary = runs.run(overrides, folder, runs.threads(options))
                    found[key] = {kept: summary[kept] for kept in runs.KEPT if kept != "clusters"}
                    runs.keep(RESULTS, found)
                print(f"{key}: {100 * accuracy(found[key]):.2f}", flush=True)
    fill_page(DOCS / "performance.md", "precision", table(found, options.seeds))


def accuracy(run: dict[str, Any]) -> float:
    """Return a run's final accuracy."""
    return float(run["results"][-1]["pool"]["acc"])


def table(found: dict[str, Any], seeds: Sequence[int]) -> str:
    """Write means, and the mean of the seeds' differences with its standard error."""
    rows = [["default on", "float32", "bfloat16", "difference", "training, s", "in bfloat16, s"]]
    for name in SETS:
        full, low = (
            [found[f"{name}, {precision}, seed {seed}"] for seed in seeds] for precision in PRECISIONS
        )
        differences = [100 * (accuracy(other) - accuracy(one)) for one, other in zip(full, low, strict=True)]
        error = statistics.stdev(differences) / len(seeds) ** 0.5
        times = (statistics.median(run["seconds"]["train"] for run in ran) for ran in (full, low))
        rows.append(
            [
                name,
                *(runs.percent([accuracy(run) for run in ran])[0] for ran in (full, low)),
                f"{statistics.mean(differences):+.2f} ± {error:.2f}",
                *(f"{seconds:.0f}" for seconds in times),
            ]
        )
    return markdown(rows)


if __name__ == "__main__":
    main()
