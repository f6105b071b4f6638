"""What each part of the default recipe is worth: leave one out or change it, over seeds.

    python benchmarks/ablation.py --seeds 0 1 2    # what is missing
    python benchmarks/ablation.py --tables         # only the table

Every row is the default recipe on a part of the digits (the first row) and one change; rows whose pretraining
is the same share it. Each run leaves benchmarks/results/ablation/<row>-<seed>.json as soon as it is over.
Writes the table of docs/results.md.
"""

import json
import statistics
from dataclasses import dataclass
from typing import Any

from pages import DOCS, fill_page, markdown

import runs

RESULTS = runs.ROOT / "benchmarks" / "results" / "ablation"
PAGE = DOCS / "results.md"
QUIET = ["trainer.enable_progress_bar=false", "figures.at_end=false"]
PART = ["data.limit=20000"]


@dataclass(frozen=True)
class Change:
    """A row: what is changed, in words and as overrides."""

    text: str
    overrides: tuple[str, ...] = ()


CHANGES = {
    "base": Change("nothing"),
    "gmm": Change("start: diagonal Gaussian mixture of the codes", ("init=gmm",)),
    "kmeans": Change("start: k-means on the codes", ("init=kmeans",)),
    "merged": Change("start: 50 Gaussians of the codes, merged", ("init=merged",)),
    "codes": Change("start: neighbor graph of the codes", ("init.space=codes",)),
    "features": Change("start: neighbor graph of the encoder's features", ("init.space=features",)),
    "rigid": Change("start: neighbor graph of images whose pixels do not move", ("init.warp=0",)),
    "shorter": Change("pretraining: 1 epoch", ("model.pretrain.max_epochs=1",)),
    "longer": Change("pretraining: 20 epochs", ("model.pretrain.max_epochs=20",)),
    "perceptron": Change("network: the paper's perceptron", ("network=deep",)),
    "plain": Change("augmentation: none", ("augment=none",)),
    "shift": Change("augmentation: shifts alone", ("augment=shift",)),
    "elbo": Change("self-training: none, the ELBO alone", ("model.self_training.weight=0",)),
    "pure": Change("self-training and augmentation: none", ("model.self_training.weight=0", "augment=none")),
    "sharp": Change("self-training: temperature 1", ("model.self_training.temperature=1",)),
    "free": Change("gamma: free from the first epoch", ("model.warmup.hold_epochs=0",)),
    "half": Change("gamma: held for the first two of four epochs", ("model.warmup.hold_epochs=2",)),
    "kept": Change(
        "no vote: the first partition to the end", ("model.refit_at=[]", "model.warmup.hold_epochs=8")
    ),
    "anew": Change(
        "no vote: neighbor graphs of the encoder's features, twice",
        ("init.refit=anew", "init.space=features"),
    ),
    "short": Change(
        "epochs: 2 + 2", ("trainer.max_epochs=4", "model.refit_at=[2]", "model.warmup.hold_epochs=2")
    ),
}


def run(row: str, seed: int, threads: int) -> str:
    """Run a row for a seed, unless its file is there; return a line on what happened."""
    name = f"{row}-{seed}"
    path = RESULTS / f"{name}.json"
    if path.exists():
        return f"{name}: there already"
    overrides = settings(row)
    try:
        summary = runs.run(
            [*overrides, f"seed={seed}", *QUIET], runs.ROOT / "outputs/ablation" / name, threads
        )
    except RuntimeError as error:
        return f"{name}: {error}"
    runs.keep(path, {"row": row} | {key: summary[key] for key in runs.KEPT})
    return f"{name}: ACC {100 * summary['results'][-1]['pool']['acc']:.2f}"


def settings(row: str) -> list[str]:
    """Return the overrides of a row: the part of the digits, then its change, which wins."""
    return [*PART, *CHANGES[row].overrides]


def load() -> list[dict[str, Any]]:
    """Read all runs."""
    found = [json.loads(path.read_text()) for path in sorted(RESULTS.glob("*.json"))]
    return sorted(found, key=lambda one: (list(CHANGES).index(one["row"]), one["seed"]))


def table(found: list[dict[str, Any]]) -> str:
    """Write a line for each row: accuracy of its start and its end, and the mean difference to the base."""
    ends = {(one["row"], one["seed"]): one["results"][-1]["pool"]["acc"] for one in found}
    lines = [["changed", "seeds", "start ACC", "ACC mean ± sd", "worst", "best", "difference"]]
    for row, change in CHANGES.items():
        group = [one for one in found if one["row"] == row]
        if not group:
            continue
        starts = [one["results"][-2]["pool"]["acc"] for one in group]
        seeds = [one["seed"] for one in group]
        gaps = [ends[row, seed] - ends["base", seed] for seed in seeds if ("base", seed) in ends]
        lines.append(
            [
                change.text,
                ", ".join(map(str, seeds)),
                f"{100 * statistics.mean(starts):.2f}",
                *runs.percent([ends[row, seed] for seed in seeds]),
                # Zero has no minus.
                "" if row == "base" or not gaps else f"{round(100 * statistics.mean(gaps), 2) + 0.0:+.2f}",
            ]
        )
    return markdown(lines) if found else "*Not run yet.*"


def main() -> None:
    """Run what is missing, then write the table."""
    parser = runs.arguments(__doc__, jobs=2)
    parser.add_argument("rows", nargs="*", help=f"of {', '.join(CHANGES)}; all if none is named")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--tables", action="store_true", help="write the table, run nothing")
    options = parser.parse_args()
    threads = runs.threads(options)
    chosen = [] if options.tables else options.rows or list(CHANGES)
    # The base first: it leaves its pretraining to the rows that only change what comes after.
    for rows in (["base"] if "base" in chosen else [], [row for row in chosen if row != "base"]):
        jobs = [(row, seed, threads) for seed in options.seeds for row in rows]
        runs.parallel(run, jobs, options.jobs)
    fill_page(PAGE, "ablation", table(load()))


if __name__ == "__main__":
    main()
