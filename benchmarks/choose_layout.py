"""Which of many partitions a criterion without labels picks, and how good that one is.

    python benchmarks/choose_layout.py digits mnist fashion_mnist pendigits.npz worm_neuron.npz \
        --ratios 1 10 --thinnings 0 1 2

Of each set (of more than 10,000 inputs, of a sample) twelve layouts are made as `init=manifold` makes them,
of 15 and of 30 neighbors with six seeds each, and parted by a Gaussian mixture, those of images also by one
of 1.5 K components, whose parts are united. The neighbors are those of the default. With `--ratios 10`
classes are thinned first, so that the largest has ten times as many members as the smallest. A pick is made
as the default makes it, among two layouts of each width; given is its mean accuracy over all such draws.
What was found is in benchmarks/results/choose_layout.json; the tables are in docs/choosing.md, one of the
sets that the recipe was made with and one of those of benchmarks/test_sets.py.
"""

import json
from collections.abc import Callable
from datetime import date
from itertools import combinations, product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from everywhere import inputs_of, overrides_of
from pages import fill_page, markdown
from scipy.sparse import csr_array
from sklearn.metrics import adjusted_rand_score
from test_sets import is_test, thinned

import runs
from latentclust.clustering import Neighbors, nearest, nearest_images
from latentclust.clustering.manifold import FEWEST_PER_COMPONENT, Parted, best_partition, embed
from latentclust.clustering.modularity import (
    edge_information,
    edge_shares,
    evenness,
    graph_of,
    merge_parts,
    modularity,
)
from latentclust.clustering.scikit import mixture_of
from latentclust.data.preprocess import Preprocess, suitable_steps
from latentclust.evaluation.assignment import cluster_accuracy
from latentclust.hardware import device_name
from latentclust.runs.run import commit
from latentclust.settings.init import Manifold
from latentclust.settings.resolve import COMPONENTS, EPOCHS, EPOCHS_OF_FEW, FEW_INPUTS
from runs import ROOT

RESULTS = ROOT / "benchmarks" / "results" / "choose_layout.json"
SAMPLE, WIDTHS, SEEDS, DIMS = 10_000, (15, 30), range(6), 10


def purity(clusters: np.ndarray, graph: csr_array) -> float:
    """Return the share of edges within clusters."""
    return float(np.trace(edge_shares(clusters, graph)))


def kept(clusters: np.ndarray, graph: csr_array) -> float:
    """Return the mean over clusters of the share of their edges that stay within: 1 less a normalized cut."""
    shares = edge_shares(clusters, graph)
    return float(np.mean(np.diag(shares) / shares.sum(axis=1)))


CRITERIA: dict[str, Callable[[np.ndarray, csr_array], float]] = {
    "modularity": modularity,
    "information": edge_information,
    "purity": purity,
    "normalized cut": kept,
}


def neighbors_of(
    name: str, ratio: float = 1.0, seed: int = 0
) -> tuple[np.ndarray, Neighbors, np.ndarray, bool]:
    """Return what is laid out ``(N, P)``, its neighbors, its labels, and whether it is of images."""
    points, labels, images = inputs_of(name)
    chosen = np.sort(np.random.default_rng(0).permutation(len(labels))[:SAMPLE])
    if ratio > 1:
        chosen = chosen[thinned(labels[chosen], ratio, seed)]
    n, init, labels = max(WIDTHS), Manifold(), labels[chosen]
    if images is not None:
        images = images[chosen].reshape(len(chosen), -1, *images.shape[-2:])
        found = nearest_images(images, n, warp=init.warp, candidates=init.candidates)
        return list(points.values())[-1][chosen], found, labels, True
    raw = torch.from_numpy(points["inputs"][chosen]).float()
    steps, _ = suitable_steps(raw)
    x = Preprocess.fit(steps, raw)(raw).numpy().astype(np.float64)
    return x, nearest(x, n), labels, False


def measure(name: str, ratio: float, thinning: int) -> dict[str, Any]:
    """Make the candidates of a set, and say how good is what each criterion picks."""
    x, neighbors, labels, of_images = neighbors_of(name, ratio, thinning)
    k, graph = len(np.unique(labels)), graph_of(first(neighbors, WIDTHS[0]))
    n_epochs = EPOCHS_OF_FEW if len(x) <= FEW_INPUTS else EPOCHS
    more = min(round(COMPONENTS * k), len(x) // FEWEST_PER_COMPONENT) if of_images else k
    plain, united = [], []
    for seed, width in product(SEEDS, WIDTHS):
        layout = embed(x, first(neighbors, width), DIMS, n_epochs, seed)
        for n_components, ways in ((k, plain), (more, united))[: 1 + (more > k)]:
            mixture = mixture_of(layout, n_components, "full", n_init=5, seed=seed, reg_covar=1e-4)
            ways.append(merge_parts(mixture.predict(layout), k, graph))
    every = plain + united
    accuracies = np.array([cluster_accuracy(clusters, labels) for clusters in every])
    values = {what: [function(one, graph) for one in every] for what, function in CRITERIA.items()}
    return {
        "set": Path(name).stem,
        "ratio": ratio,
        "thinning": thinning,
        "n": len(x),
        "accuracies": accuracies.round(4).tolist(),
        "united": len(united),
        "picked": picked(every, len(plain), accuracies, values),
        **{what: np.round(values[what], 5).tolist() for what in ("modularity", "information")},
    }


def picked(
    every: list[np.ndarray], n_layouts: int, accuracies: np.ndarray, values: dict[str, list[float]]
) -> dict[str, float]:
    """Return the mean accuracy of what each criterion picks, over all draws of two layouts of each width."""
    alike = np.array([[adjusted_rand_score(one, other) for other in every] for one in every])
    fits = zip(every, values["modularity"], values["information"], strict=True)
    parted = [Parted(one, *fit, evenness(one, int(one.max()) + 1), converged=True) for one, *fit in fits]
    found: dict[str, list[float]] = {}
    pairs = [list(combinations(range(start, n_layouts, 2), 2)) for start in (0, 1)]
    for drawn in (narrow + wide for narrow, wide in product(*pairs)):
        plain = list(drawn)
        more = [n_layouts + one for one in drawn if n_layouts + one < len(every)]
        candidates = np.array(plain + more)
        best = best_partition([parted[one] for one in plain], [parted[one] for one in more])
        picks = {what: int(candidates[np.argmax(np.array(of)[candidates])]) for what, of in values.items()}
        picks["agreement"] = int(candidates[alike[np.ix_(candidates, candidates)].mean(axis=1).argmax()])
        picks["default"] = next(one for one in candidates if parted[one] is best)
        for what, one in picks.items():
            found.setdefault(what, []).append(accuracies[one])
        found.setdefault("best", []).append(accuracies[candidates].max())
    return {what: round(float(np.mean(of)), 4) for what, of in found.items()}


def first(neighbors: Neighbors, n: int) -> Neighbors:
    """Keep the n nearest of each."""
    return Neighbors(neighbors.indices[:, :n], neighbors.distances[:, :n])


def table(sets: list[dict[str, Any]], tests: bool) -> list[list[str]]:
    """Return the rows: of each set the candidates, and the accuracy of what each criterion picks.

    Thinned versions of a set make one row, with their means.

    Parameters
    ----------
    sets
        What :func:`measure` returned.
    tests
        Of the sets that had no say in the recipe, or of the others.
    """
    shown = [one for one in sets if is_test(one["set"]) == tests]
    criteria = ["default", *CRITERIA, "agreement"]
    rows = [["set", "largest : smallest", "inputs", "mean", "best of four", *criteria]]
    means = []
    for ratio, name in sorted({(one["ratio"], one["set"]) for one in shown}):
        group = [one for one in shown if (one["ratio"], one["set"]) == (ratio, name)]
        values = [
            [
                np.mean(one["accuracies"][: len(one["accuracies"]) - one["united"]]),
                *(one["picked"][what] for what in ("best", *criteria)),
            ]
            for one in group
        ]
        means.append(np.mean(values, axis=0))
        sizes = "as it is" if ratio == 1 else f"{ratio:g} : 1"
        rows.append([name, sizes, f"{np.mean([one['n'] for one in group]):,.0f}", *percent(means[-1])])
    return [*rows, ["mean", "", "", *percent(np.mean(means, axis=0))]] if means else rows


def percent(shares: Any) -> list[str]:
    """Write shares in percent."""
    return [f"{100 * share:.1f}" for share in shares]


def main() -> None:
    """Measure the sets that are missing and write the tables."""
    parser = runs.arguments(__doc__, jobs=1)
    parser.add_argument("sets", nargs="*", help="names, or .npz files")
    parser.add_argument("--ratios", type=float, nargs="+", default=[1.0], help="largest class : smallest")
    parser.add_argument("--thinnings", type=int, nargs="+", default=[0], help="seeds of the thinning")
    options = parser.parse_args()
    found = json.loads(RESULTS.read_text())["sets"] if RESULTS.is_file() else []
    for name, ratio, thinning in product(options.sets, options.ratios, options.thinnings):
        key = Path(name).stem, ratio, thinning if ratio > 1 else 0
        if all((one["set"], one["ratio"], one["thinning"]) != key for one in found):
            overrides_of(name)
            about = {"date": str(date.today()), "device": device_name("cpu"), "commit": commit()}
            arguments = f"{Path(name).name} --ratios {ratio:g} --thinnings {key[2]}"
            about["command"] = f"python benchmarks/choose_layout.py {arguments}"
            found.append(measure(name, ratio, key[2]) | about)
            runs.keep(RESULTS, {"sets": found})
            print(*key, "done", flush=True)
    for mark, tests in (("choose_layout", False), ("choose_layout_tests", True)):
        fill_page(ROOT / "docs" / "choosing.md", mark, markdown(table(found, tests), left=2))


if __name__ == "__main__":
    main()
