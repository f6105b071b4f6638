"""How good the start is after different preprocessing, and which one the default chooses.

    python benchmarks/choose_preprocess.py digits mnist fashion_mnist pendigits.npz worm_neuron.npz

A set is the name of one of latentclust's own, whose images are taken as rows of pixels, or a file with `x`
and `labels`; of more than 10,000 rows, a sample. The start is that of the default, with three seeds. The
accuracies are in benchmarks/results/choose_preprocess.json; the table is in docs/choosing.md.
"""

import json
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch
from everywhere import inputs_of, overrides_of
from pages import fill_page, markdown

import runs
from latentclust.clustering import fit_manifold
from latentclust.data.preprocess import Preprocess, suitable_steps
from latentclust.evaluation.assignment import cluster_accuracy
from latentclust.hardware import device_name
from latentclust.runs.run import commit
from latentclust.settings.resolve import EPOCHS, EPOCHS_OF_FEW, FEW_INPUTS, LAYOUTS
from runs import ROOT

RESULTS = ROOT / "benchmarks" / "results" / "choose_preprocess.json"
SAMPLE, SEEDS, DIMS = 10_000, range(3), 10
STEPS = ("standardize", "standardize+normalize", "scale", "scale+normalize")
OF_COUNTS = ("pearson+top:2000+pca:50", "pearson+top:2000+pca:50+normalize")


def measure(name: str) -> dict[str, Any]:
    """Start from each preprocessing of a set."""
    points, labels, _ = inputs_of(name)
    chosen = np.sort(np.random.default_rng(0).permutation(len(labels))[:SAMPLE])
    raw, labels = torch.from_numpy(points["inputs"][chosen].astype(np.float32)), labels[chosen]
    suitable = "+".join(suitable_steps(raw)[0])
    n_epochs = EPOCHS_OF_FEW if len(raw) <= FEW_INPUTS else EPOCHS
    # The layouts have as many dimensions as these; else nothing depends on them.
    codes = torch.randn(len(raw), DIMS, generator=torch.Generator().manual_seed(0))
    accuracies: dict[str, list[float]] = {}
    for steps in OF_COUNTS if suitable in OF_COUNTS else STEPS:
        x = Preprocess.fit(steps.split("+"), raw)(raw)
        for seed in SEEDS:
            start = fit_manifold(
                codes, len(np.unique(labels)), features=x, n_layouts=LAYOUTS, n_epochs=n_epochs, seed=seed
            )
            accuracies.setdefault(steps, []).append(cluster_accuracy(start.clusters, labels))
    return {"set": Path(name).stem, "shape": list(raw.shape), "chosen": suitable, "accuracies": accuracies}


def table(sets: list[dict[str, Any]]) -> list[list[str]]:
    """Return the rows: of each set the mean accuracy after each preprocessing, in bold what is chosen."""
    rows = [["set", "rows", "features", *STEPS, "counts", "counts, normalized"]]
    for one in sets:
        cells = []
        for steps in (*STEPS, *OF_COUNTS):
            values = one["accuracies"].get(steps)
            cell = "" if values is None else f"{100 * np.mean(values):.1f}"
            cells.append(f"**{cell}**" if steps == one["chosen"] else cell)
        rows.append([one["set"], *(f"{n:,}" for n in one["shape"]), *cells])
    return rows


def main() -> None:
    """Measure the sets that are missing and write the table."""
    parser = runs.arguments(__doc__, jobs=1)
    parser.add_argument("sets", nargs="*", help="names, or .npz files")
    options = parser.parse_args()
    found = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {"sets": []}
    for name in options.sets:
        if all(one["set"] != Path(name).stem for one in found["sets"]):
            overrides_of(name)
            about = {"date": str(date.today()), "device": device_name("cpu"), "commit": commit()}
            about["command"] = f"python benchmarks/choose_preprocess.py {Path(name).name}"
            found["sets"].append(measure(name) | about)
            runs.keep(RESULTS, found)
            print(f"{Path(name).stem}: done", flush=True)
    fill_page(ROOT / "docs" / "choosing.md", "choose_preprocess", markdown(table(found["sets"])))


if __name__ == "__main__":
    main()
