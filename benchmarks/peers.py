"""Deep clustering by ClustPy on the sets of benchmarks/everywhere.py, each method with its own settings.

    pip install -e '.[bench]'
    python benchmarks/peers.py digits pendigits.npz worm_neuron.npz --seeds 0 1 2 3 4

The inputs are preprocessed as the default recipe does it and brought to [0, 1], which the binary
cross-entropy of ClustPy's VaDE needs. The number of clusters is given, but to DipDECK, which finds its own
and takes hours on all but the smallest sets (--methods leaves it out); N2D gets UMAP, as in its paper. Each
run leaves benchmarks/results/peers/<set>-<seed>.json; what is there is not run again. The table is in
docs/results.md.
"""

import json
import time
import warnings
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from clustpy.deep import DEC, IDEC, N2D, DipDECK, VaDE
from everywhere import inputs_of
from pages import fill_page, markdown
from umap import UMAP

import runs
from latentclust.evaluation.assignment import cluster_accuracy
from latentclust.hardware import device_name
from latentclust.runs.run import commit
from runs import ROOT

RESULTS = ROOT / "benchmarks" / "results" / "peers"
# Its own default is t-SNE in K dimensions, which scikit-learn refuses from four on.
N2D_LAYOUT = {"n_neighbors": 20, "min_dist": 0.0}
METHODS = {"VaDE": VaDE, "DEC": DEC, "IDEC": IDEC, "N2D": N2D, "DipDECK": DipDECK}


def measure(name: str, seed: int, methods: list[str], threads: int) -> dict[str, Any]:
    """Run the methods on a set, with one seed."""
    torch.set_num_threads(threads)
    inputs, labels, _ = inputs_of(name)
    x = list(inputs.values())[-1].astype(np.float32)
    x = (x - x.min()) / (x.max() - x.min())
    k = len(np.unique(labels))
    found, seconds, used = {}, {}, {}
    for method in methods:
        start = time.perf_counter()
        options: dict[str, Any] = {} if method == "DipDECK" else {"n_clusters": k}
        if method == "N2D":
            options |= {"manifold_class": UMAP, "manifold_params": N2D_LAYOUT | {"n_components": k}}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fitted = METHODS[method](**options, random_state=seed, device=torch.device("cpu")).fit(x)
        clusters = np.unique(fitted.labels_, return_inverse=True)[1]
        found[method] = cluster_accuracy(clusters, labels)
        seconds[method] = round(time.perf_counter() - start, 1)
        used[method] = int(clusters.max()) + 1
        print(f"{Path(name).stem}-{seed}, {method}: {100 * found[method]:.1f}", flush=True)
    chosen = "" if methods == list(METHODS) else f" --methods {' '.join(methods)}"
    return {
        "command": f"python benchmarks/peers.py {Path(name).name} --seeds {seed}{chosen} --threads {threads}",
        "commit": commit(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "device": device_name("cpu"),
        "clustpy": version("clustpy"),
        "seed": seed,
        "accuracies": found,
        "clusters": used,
        "seconds": seconds,
    }


def table() -> list[list[str]]:
    """Return a row for each set and method."""
    rows = [["set", "method", "seeds", "ACC mean ± sd", "worst", "best"]]
    files = sorted(RESULTS.glob("*.json"))
    for name in sorted({file.stem.rpartition("-")[0] for file in files}):
        group = [json.loads(file.read_text()) for file in files if file.stem.rpartition("-")[0] == name]
        for method in METHODS:
            having = [one for one in group if method in one["accuracies"]]
            if having:
                seeds = ", ".join(str(one["seed"]) for one in having)
                scores = runs.percent([one["accuracies"][method] for one in having])
                rows.append([name, f"ClustPy's {method}", seeds, *scores])
    return rows


def main() -> None:
    """Run what is missing and write the table."""
    parser = runs.arguments(__doc__, jobs=1)
    parser.add_argument("sets", nargs="*", help="names, or .npz files")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    options = parser.parse_args()
    for seed in options.seeds:
        for name in options.sets:
            path = RESULTS / f"{Path(name).stem}-{seed}.json"
            if path.is_file():
                print(f"{path.stem}: there already")
                continue
            runs.keep(path, measure(name, seed, options.methods, runs.threads(options)))
    fill_page(ROOT / "docs" / "results.md", "peers", markdown(table(), left=3))


if __name__ == "__main__":
    main()
