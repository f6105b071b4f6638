"""Which of many layouts a criterion without labels picks, and how good that one is.

    python benchmarks/choose_layout.py digits mnist fashion_mnist pendigits.npz worm_neuron.npz

Of each set (of more than 10,000 inputs, of a sample) twelve layouts are made as `init=manifold` makes them,
of 15 and of 30 neighbors with six seeds each, and parted by a Gaussian mixture. The neighbors are those of
the default. What each picks is in benchmarks/results/choose_layout.json; the table is in docs/choosing.md.
"""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from everywhere import inputs_of, overrides_of
from pages import fill_page, markdown
from scipy.sparse import csr_array
from sklearn.metrics import adjusted_rand_score

import runs
from latentclust.clustering import Neighbors, nearest, nearest_images
from latentclust.clustering.manifold import embed
from latentclust.clustering.modularity import graph_of, modularity
from latentclust.clustering.scikit import mixture_of
from latentclust.evaluation.assignment import cluster_accuracy
from latentclust.hardware import device_name
from latentclust.runs.run import commit
from latentclust.settings.init import Manifold
from latentclust.settings.resolve import EPOCHS, EPOCHS_OF_FEW, FEW_INPUTS
from runs import ROOT

RESULTS = ROOT / "benchmarks" / "results" / "choose_layout.json"
SAMPLE, WIDTHS, SEEDS, DIMS = 10_000, (15, 30), range(6), 10


def joint(clusters: np.ndarray, graph: csr_array) -> np.ndarray:
    """Return the shares ``(K, K)`` of the edges' ends that lie in two clusters."""
    members = csr_array((np.ones(len(clusters)), (clusters, np.arange(len(clusters)))))
    shares: np.ndarray = (members @ graph @ members.T).toarray() / graph.sum()
    return shares


def purity(clusters: np.ndarray, graph: csr_array) -> float:
    """Return the share of edges within clusters."""
    return float(np.trace(joint(clusters, graph)))


def kept(clusters: np.ndarray, graph: csr_array) -> float:
    """Return the mean over clusters of the share of their edges that stay within: 1 less a normalized cut."""
    shares = joint(clusters, graph)
    return float(np.mean(np.diag(shares) / shares.sum(axis=1)))


def information(clusters: np.ndarray, graph: csr_array) -> float:
    """Return the mutual information of the clusters at an edge's ends, in nats."""
    shares = joint(clusters, graph)
    product = np.outer(shares.sum(axis=1), shares.sum(axis=0))
    some = shares > 0
    return float((shares[some] * np.log(shares[some] / product[some])).sum())


CRITERIA: dict[str, Callable[[np.ndarray, csr_array], float]] = {
    "modularity": modularity,
    "mutual information": information,
    "purity": purity,
    "normalized cut": kept,
}


def neighbors_of(name: str) -> tuple[np.ndarray, Neighbors, np.ndarray]:
    """Return what is laid out ``(N, P)``, its neighbors and its labels, of a sample where there are many."""
    points, labels, images = inputs_of(name)
    chosen = np.sort(np.random.default_rng(0).permutation(len(labels))[:SAMPLE])
    x = list(points.values())[-1][chosen]
    n, init = max(WIDTHS), Manifold()
    if images is None:
        return x, nearest(x, n), labels[chosen]
    found = nearest_images(images[chosen], n, warp=init.warp, candidates=init.candidates)
    return x, found, labels[chosen]


def measure(name: str) -> dict[str, Any]:
    """Make the candidates of a set, and say how good is what each criterion picks."""
    x, neighbors, labels = neighbors_of(name)
    k, graph = len(np.unique(labels)), graph_of(first(neighbors, WIDTHS[0]))
    n_epochs = EPOCHS_OF_FEW if len(x) <= FEW_INPUTS else EPOCHS
    candidates = []
    for seed in SEEDS:
        for width in WIDTHS:
            layout = embed(x, first(neighbors, width), DIMS, n_epochs, seed)
            mixture = mixture_of(layout, k, "full", n_init=5, seed=seed, reg_covar=1e-4)
            candidates.append(mixture.predict(layout))
    accuracies = [cluster_accuracy(clusters, labels) for clusters in candidates]
    values = {
        criterion: [function(clusters, graph) for clusters in candidates]
        for criterion, function in CRITERIA.items()
    }
    values["agreement"] = [
        float(np.mean([adjusted_rand_score(one, other) for other in candidates])) for one in candidates
    ]
    return {"set": Path(name).stem, "n": len(x), "accuracies": accuracies, "values": values}


def first(neighbors: Neighbors, n: int) -> Neighbors:
    """Keep the n nearest of each."""
    return Neighbors(neighbors.indices[:, :n], neighbors.distances[:, :n])


def table(sets: list[dict[str, Any]]) -> list[list[str]]:
    """Return the rows: of each set the candidates, and the accuracy of what each criterion picks."""
    criteria = list(sets[0]["values"])
    rows = [["set", "worst", "mean", "best", *criteria]]
    for one in sets:
        accuracies = one["accuracies"]
        shown = [min(accuracies), float(np.mean(accuracies)), max(accuracies)]
        shown += [accuracies[int(np.argmax(one["values"][criterion]))] for criterion in criteria]
        rows.append([one["set"], *(f"{100 * value:.1f}" for value in shown)])
    return rows


def main() -> None:
    """Measure the sets that are missing and write the table."""
    parser = runs.arguments(__doc__, jobs=1)
    parser.add_argument("sets", nargs="*", help="names, or .npz files")
    options = parser.parse_args()
    kept_before = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {"sets": []}
    for name in options.sets:
        if all(one["set"] != Path(name).stem for one in kept_before["sets"]):
            overrides_of(name)
            about = {"date": str(date.today()), "device": device_name("cpu"), "commit": commit()}
            about["command"] = f"python benchmarks/choose_layout.py {Path(name).name}"
            kept_before["sets"].append(measure(name) | about)
            runs.keep(RESULTS, kept_before)
            print(f"{Path(name).stem}: done", flush=True)
    fill_page(ROOT / "docs" / "choosing.md", "choose_layout", markdown(table(kept_before["sets"])))


if __name__ == "__main__":
    main()
