"""How well recipes cluster, over seeds: run what is missing, and write the tables from all runs.

    python benchmarks/accuracy.py vade_manifold --seeds 0 1 2      # an experiment, or `default`
    python benchmarks/accuracy.py vade_manifold --data fashion_mnist   # the same recipe on other data
    python benchmarks/accuracy.py                                      # only the tables

Each run leaves benchmarks/results/accuracy/<recipe>-<data>-<seed>.json as soon as it is over, and one that is
there is not run again: it goes on where it was stopped. All runs are listed; the best never stands
without mean, spread and worst. Writes the table of docs/results.md and the short one of README.md.
"""

import json
import statistics
import sys
from typing import Any

from pages import fill_page, markdown

import runs
from latentclust.runs.records import leaves
from latentclust.settings.habits import MOVED
from runs import ROOT

RESULTS = ROOT / "benchmarks" / "results" / "accuracy"
PAGE = ROOT / "docs" / "results.md"
N_INPUTS = {"mnist": 70_000, "fashion_mnist": 70_000, "digits": 1797}
README = ROOT / "README.md"
# The rows of README's table, and what each recipe trains with.
HEADLINE = {
    "default": "a graph of the images, then pseudo-labels and the ELBO",
    "vade_best": "the same for longer, with a larger graph",
    "vade_merged": "the ELBO, from small Gaussians of the codes, merged",
    "vade_paper": "close to the paper: the ELBO",
}


def run(recipe: str, data: str, seed: int, threads: int) -> str:
    """Run a recipe for a seed, unless its file is there; return a line on what happened."""
    name = f"{recipe}-{data}-{seed}"
    path = RESULTS / f"{name}.json"
    if path.exists():
        return f"{name}: there already"
    experiment = [] if recipe == "default" else [f"experiment={recipe}"]
    quiet = ["trainer.enable_progress_bar=false", "figures.at_end=false"]
    try:
        summary = runs.run(
            [*experiment, f"data={data}", f"seed={seed}", *quiet], ROOT / "outputs/accuracy" / name, threads
        )
    except RuntimeError as error:
        return f"{name}: {error}"
    runs.keep(path, {"recipe": recipe} | {key: summary[key] for key in runs.KEPT})
    return f"{name}: ACC {100 * summary['results'][-1]['pool']['acc']:.2f}"


def load() -> list[dict[str, Any]]:
    """Read all runs."""
    found = [json.loads(path.read_text()) for path in sorted(RESULTS.glob("*.json"))]
    return sorted(found, key=lambda run: (run["recipe"], run["data"], run["seed"]))


def grouped(found: list[dict[str, Any]]) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Group runs by recipe and data; stop where the runs of a group have different settings."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for one in found:
        groups.setdefault((one["recipe"], one["data"]), []).append(one)
    for (recipe, data), group in groups.items():
        first, *others = (settings_of(one) for one in group)
        if any(first[key] != other[key] for other in others for key in first.keys() & other.keys()):
            sys.exit(f"the runs of {recipe} on {data} have different settings: delete the old ones' files")
    return groups


def settings_of(run: dict[str, Any]) -> dict[str, Any]:
    """Return what a run's settings were, by the names of today, but the seed.

    A run that is older than a key lacks it. In place of the least number of images of an epoch stands how
    often it goes over all of them.
    """
    found = {
        MOVED.get(key, key): str(value) if isinstance(value, list) else value
        for key, value in leaves(run["config"])
        if key != "seed"
    }
    least = found.pop("data.min_images_per_epoch", None)
    return found | {"passes": -(-(least or 1) // N_INPUTS[run["data"]])}


def table(found: list[dict[str, Any]]) -> str:
    """Write a table with a row for each recipe and data set: the model's own clustering, and its start's."""
    scores = ["ACC mean ± sd", "worst", "best", "NMI", "ARI", "test ACC", "start ACC"]
    lines = [["recipe", "data", "seeds", *scores]]
    for (recipe, data), group in grouped(found).items():
        own = [one["results"][-1] for one in group]
        start = [one["results"][-2]["pool"]["acc"] for one in group]
        test = [result["test"]["acc_by_pool"] for result in own]
        lines.append(
            [
                f"`{recipe}`",
                data,
                ", ".join(str(one["seed"]) for one in group),
                *runs.percent([r["pool"]["acc"] for r in own]),
                *(f"{100 * statistics.mean(r['pool'][score] for r in own):.2f}" for score in ("nmi", "ari")),
                f"{100 * statistics.mean(test):.2f}",
                f"{100 * statistics.mean(start):.2f}",
            ]
        )
    return markdown(lines, left=2)


def headline(found: list[dict[str, Any]]) -> str:
    """Write README's table: a few recipes on MNIST."""
    lines = [["recipe", "what trains it", "ACC mean ± sd", "worst", "runs"]]
    groups = grouped(found)
    for recipe, words in HEADLINE.items():
        group = groups[recipe, "mnist"]
        mean, worst, _ = runs.percent([one["results"][-1]["pool"]["acc"] for one in group])
        lines.append([f"`{recipe}`", words, mean, worst, str(len(group))])
    return markdown(lines, left=2)


def main() -> None:
    """Run what is missing, then write the tables."""
    parser = runs.arguments(__doc__, jobs=2)
    parser.add_argument("recipes", nargs="*", help="names of conf/experiment, or default")
    parser.add_argument("--data", nargs="+", default=["mnist"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    options = parser.parse_args()
    threads = runs.threads(options)
    jobs = [(r, d, s, threads) for r in options.recipes for d in options.data for s in options.seeds]
    runs.parallel(run, jobs, options.jobs)
    fill_page(PAGE, "accuracy", table(load()))
    fill_page(README, "headline", headline(load()))


if __name__ == "__main__":
    main()
