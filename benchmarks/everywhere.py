"""One recipe on every set, given the number of classes, against what is easily had without a network.

    python benchmarks/everywhere.py digits pendigits.npz worm_neuron.npz --seeds 0 1 2 3 4
    python benchmarks/everywhere.py usps.npz --seeds 0 --again     # the recipe anew, not the baselines

A set is the name of one of latentclust's own, or a file with `x` and `labels`, which is copied to
outputs/everywhere/. Each seed leaves benchmarks/results/everywhere/<set>-<seed>.json, and one that is there
is not run again. The baselines get the inputs as they are, as they are usually preprocessed (standardized,
or the logarithms of counts) and as the recipe does it; what HDBSCAN leaves out counts as wrong. Labels
score, and choose nothing. The tables are in docs/results.md: one of the sets that the recipe was made with,
one of those of benchmarks/test_sets.py, on which it was run once, when it was done.
"""

import json
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pages import fill_page, markdown
from sklearn.cluster import HDBSCAN, KMeans, SpectralClustering
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture
from test_sets import TITLES, is_test

import runs
from latentclust.data.batches import as_floats
from latentclust.data.preprocess import Preprocess, suitable_steps
from latentclust.evaluation.assignment import cluster_accuracy
from latentclust.numba_cache import ensure_numba_cache
from latentclust.settings import settings_for
from latentclust.training.builders import build_data
from runs import ROOT

RESULTS = ROOT / "benchmarks" / "results" / "everywhere"
OUTPUTS = ROOT / "outputs" / "everywhere"
# Beyond so many a spectral clustering takes long, and a mixture with full covariances has too few points.
SPECTRAL, COMPONENTS = 12_000, 50


def overrides_of(name: str) -> list[str]:
    """Return the overrides that choose a set; a file is copied to a place without a path of the machine."""
    if not name.endswith((".npz", ".npy")):
        return [f"data={name}"]
    path = OUTPUTS / Path(name).name
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(name, path)
    return ["data=files", f"data.path={path.relative_to(ROOT)}"]


def inputs_of(name: str) -> tuple[dict[str, np.ndarray], np.ndarray, torch.Tensor | None]:
    """Read a set: ``(N, P)`` as it is and as it is preprocessed, its labels, and its images if it has any."""
    if name.endswith(".npz"):
        with np.load(name) as file:
            raw, labels = torch.from_numpy(file["x"]), file["labels"]
        raw = raw if raw.dtype == torch.uint8 else raw.float()
        labels = np.unique(labels, return_inverse=True)[1]
    else:
        data = build_data(settings_for("vade", name).data, None, 0, 10)
        data.setup()
        raw, labels = data.pool.inputs, data.pool.labels.numpy()
    flat = {"inputs": as_floats(raw).flatten(1).numpy().astype(np.float64)}
    if raw.dim() == 2:
        suitable, _ = suitable_steps(raw)
        fewer = [step for step in suitable if ":" in step]
        usual = ["log1p", *fewer] if suitable[0] == "pearson" else ["standardize"]
        for steps in (usual, suitable):
            flat["+".join(steps)] = Preprocess.fit(steps, raw)(raw).numpy().astype(np.float64)
    return flat, labels, raw if raw.dim() > 2 else None


def baselines(x: np.ndarray, k: int, seed: int) -> Iterator[tuple[str, np.ndarray]]:
    """Yield clusters ``(N,)`` of points ``(N, P)`` by methods with their usual settings; -1: left out."""
    from umap import UMAP

    yield "k-means", KMeans(k, n_init=10, random_state=seed).fit_predict(x)
    few = x if x.shape[1] <= COMPONENTS else PCA(COMPONENTS, random_state=seed).fit_transform(x)
    yield "Gaussian mixture", GaussianMixture(k, n_init=3, reg_covar=1e-3, random_state=seed).fit_predict(few)
    if len(x) <= SPECTRAL:
        spectral = SpectralClustering(k, affinity="nearest_neighbors", n_neighbors=15, random_state=seed)
        yield "spectral", spectral.fit_predict(few)
    plane = UMAP(n_neighbors=15, min_dist=0.0, random_state=seed, n_jobs=1).fit_transform(few)
    yield "UMAP + Gaussian mixture", GaussianMixture(k, n_init=5, random_state=seed).fit_predict(plane)
    yield "UMAP + HDBSCAN", HDBSCAN(min_cluster_size=max(5, len(x) // 50), copy=True).fit_predict(plane)


def accuracy(labels: np.ndarray, clusters: np.ndarray) -> float:
    """Score clusters; those that are left out are wrong."""
    kept = clusters >= 0
    if not kept.any():
        return 0.0
    return cluster_accuracy(clusters[kept], labels[kept]) * float(kept.mean())


def measure(name: str, seed: int, threads: int, earlier: dict[str, Any] | None = None) -> dict[str, Any]:
    """Run the recipe on a set, with one seed, and the baselines unless an earlier result has them."""
    inputs, labels, _ = inputs_of(name)
    k = len(np.unique(labels))
    quiet = ["trainer.enable_progress_bar=false", "figures.at_end=false"]
    given = [*overrides_of(name), f"n_clusters={k}", f"seed={seed}", *quiet]
    summary = runs.run(given, OUTPUTS / f"{Path(name).stem}-{seed}", threads)
    own = {key: summary[key] for key in runs.KEPT}
    if earlier is not None:
        own["baselines_of"] = earlier.get("baselines_of", earlier["commit"])
        return own | {"baselines": earlier["baselines"]}
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that they did not converge, or that a graph has several parts
        ensure_numba_cache()
        for what, x in inputs.items():
            for method, clusters in baselines(x, k, seed):
                found[f"{method}, {what}"] = accuracy(labels, clusters)
    return own | {"baselines": found}


def table(tests: bool) -> list[list[str]]:
    """Return the rows of all results: the recipe, its start and the three best baselines of each set.

    Parameters
    ----------
    tests
        Of the sets that had no say in the recipe, or of the others.
    """
    rows = [["set", "method", "seeds", "ACC mean ± sd", "worst", "best", "seconds"]]
    files = sorted(RESULTS.glob("*.json"))
    files = [file for file in files if is_test(file.stem.rpartition("-")[0]) == tests]
    for name in sorted({file.stem.rpartition("-")[0] for file in files}):
        group = [json.loads(file.read_text()) for file in files if file.stem.rpartition("-")[0] == name]
        seeds = ", ".join(str(one["seed"]) for one in group)
        seconds = sum(sum(one["seconds"].values()) for one in group) / len(group)
        scores: dict[str, list[float]] = {
            row["method"]: [] for row in group[0]["results"] if "VaDE" in row["method"]
        }
        for one in group:
            for row in one["results"]:
                if row["method"] in scores:
                    scores[row["method"]].append(row["pool"]["acc"])
        of_baselines = {
            method: [one["baselines"][method] for one in group] for method in group[0]["baselines"]
        }
        for method, accuracies in reversed(scores.items()):
            took = f"{seconds:.0f}" if method == "VaDE" else ""
            rows.append([name, f"`default`: {method}", seeds, *runs.percent(accuracies), took])
        best = sorted(of_baselines, key=lambda method: -float(np.mean(of_baselines[method])))[:3]
        rows += [[name, method, seeds, *runs.percent(of_baselines[method]), ""] for method in best]
    return rows


def short(rows: list[list[str]]) -> list[list[str]]:
    """Keep of a table, for each set, the default's accuracy and the best baseline's mean."""
    found = {}
    for name, method, _, accuracy, *_ in rows[1:]:
        found.setdefault(name, {})[method] = accuracy
    lines = [["ACC in percent, five seeds", "`default`", "best baseline", "which"]]
    for name, title in TITLES.items():
        default, _, *baselines = found[name].items()
        lines.append([title, default[1], baselines[0][1], baselines[0][0].partition(",")[0]])
    return lines


def main() -> None:
    """Run what is missing and write the table."""
    parser = runs.arguments(__doc__, jobs=1)
    parser.add_argument("sets", nargs="*", help="names, or .npz files")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--again", action="store_true", help="run the recipe again, not the baselines")
    options = parser.parse_args()
    for seed in options.seeds:
        for name in options.sets:
            path = RESULTS / f"{Path(name).stem}-{seed}.json"
            if path.is_file() and not options.again:
                print(f"{path.stem}: there already")
                continue
            earlier = json.loads(path.read_text()) if path.is_file() else None
            runs.keep(path, measure(name, seed, runs.threads(options), earlier))
            print(f"{path.stem}: done", flush=True)
    for mark, tests in (("everywhere", False), ("test_sets", True)):
        fill_page(ROOT / "docs" / "results.md", mark, markdown(table(tests), left=3))
    fill_page(ROOT / "README.md", "unseen", markdown(short(table(tests=True))))


if __name__ == "__main__":
    main()
