"""Whether a layout is parted better by more Gaussians than clusters, whose parts are united by modularity.

    python benchmarks/choose_parts.py digits mnist fashion_mnist pendigits.npz worm_neuron.npz

Of each set (of more than 10,000 inputs, of a sample) eight layouts are made as `init=manifold` makes them, of
15 and of 30 neighbors in turn, and parted by K, 1.5 K, 2 K and 3 K Gaussians. Labels score. What was found is
in benchmarks/results/choose_parts.json; the table is in docs/choosing.md.
"""

import json
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from choose_layout import WIDTHS, first, neighbors_of
from everywhere import overrides_of
from pages import fill_page, markdown

import runs
from latentclust.clustering.manifold import Parted, best_partition, embed
from latentclust.clustering.modularity import edge_information, evenness, graph_of, merge_parts, modularity
from latentclust.clustering.scikit import mixture_of
from latentclust.evaluation.assignment import cluster_accuracy
from latentclust.hardware import device_name
from latentclust.runs.run import commit
from latentclust.settings.resolve import COMPONENTS, EPOCHS, EPOCHS_OF_FEW, FEW_INPUTS
from runs import ROOT

RESULTS = ROOT / "benchmarks" / "results" / "choose_parts.json"
LAYOUTS, DIMS, SHARES = 8, 10, (1.0, 1.5, 2.0, 3.0)


def measure(name: str) -> dict[str, Any]:
    """Part the layouts of a set in each way."""
    x, neighbors, labels, _ = neighbors_of(name)
    k, graph = len(np.unique(labels)), graph_of(first(neighbors, WIDTHS[0]))
    n_epochs = EPOCHS_OF_FEW if len(x) <= FEW_INPUTS else EPOCHS
    found: dict[str, list[dict[str, float]]] = {f"{share:g}": [] for share in SHARES}
    for seed in range(LAYOUTS):
        layout = embed(x, first(neighbors, WIDTHS[seed % 2]), DIMS, n_epochs, seed)
        for share in SHARES:
            mixture = mixture_of(layout, round(share * k), "full", n_init=5, seed=seed, reg_covar=1e-4)
            clusters = merge_parts(mixture.predict(layout), k, graph)
            about = {
                "acc": cluster_accuracy(clusters, labels),
                "modularity": modularity(clusters, graph),
                "information": edge_information(clusters, graph),
                "evenness": evenness(clusters, k),
            }
            found[f"{share:g}"].append(about)
    least = float(np.unique(labels, return_counts=True)[1].min() / len(labels))
    return {"set": Path(name).stem, "n": len(x), "smallest_class": least, "layouts": found}


def taken(layouts: dict[str, list[dict[str, float]]]) -> int:
    """Count the layouts whose united parts the recipe for images would take, each by itself."""
    fits = ("modularity", "information", "evenness")
    plain, united = (
        [Parted(np.empty(0), *(one[what] for what in fits), converged=True) for one in layouts[share]]
        for share in ("1", f"{COMPONENTS:g}")
    )
    pairs = zip(plain, united, strict=True)
    return sum(best_partition([one], [other]) is other for one, other in pairs)


def table(sets: list[dict[str, Any]]) -> list[list[str]]:
    """Return a row for each set: mean accuracies in percent and modularities."""
    titles = ["K"] + [f"{share:g} K, united" for share in SHARES[1:]]
    rows = [["set", "smallest class", *titles, f"{COMPONENTS:g} K taken"]]
    for one in sets:
        layouts = one["layouts"]
        means = [
            (100 * np.mean([found["acc"] for found in way]), np.mean([found["modularity"] for found in way]))
            for way in layouts.values()
        ]
        cells = [f"{acc:.1f} ({fit:.3f})" for acc, fit in means]
        smallest = f"{100 * one['smallest_class']:.1f} %"
        rows.append([one["set"], smallest, *cells, f"{taken(layouts)} of {LAYOUTS}"])
    return rows


def main() -> None:
    """Measure the sets that are missing and write the table."""
    parser = runs.arguments(__doc__, jobs=1)
    parser.add_argument("sets", nargs="*", help="names, or .npz files")
    options = parser.parse_args()
    kept = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {"sets": []}
    for name in options.sets:
        if all(one["set"] != Path(name).stem for one in kept["sets"]):
            overrides_of(name)
            about = {"date": str(date.today()), "device": device_name("cpu"), "commit": commit()}
            about["command"] = f"python benchmarks/choose_parts.py {Path(name).name}"
            kept["sets"].append(measure(name) | about)
            runs.keep(RESULTS, kept)
            print(f"{Path(name).stem}: done", flush=True)
    fill_page(ROOT / "docs" / "choosing.md", "choose_parts", markdown(table(kept["sets"])))


if __name__ == "__main__":
    main()
