"""How well the number of clusters is found without labels: four criteria, fourteen sets, five seeds.

    python benchmarks/choose_k.py FOLDER    # some minutes on one core
    python benchmarks/choose_k.py FOLDER --only digits  # only these sets anew, by what their names begin with
    python benchmarks/choose_k.py --tables  # only the table

FOLDER holds pendigits.npz and worm_neuron.npz, each with `x` (N, P); without it these sets are left out. The
seed draws the points of a drawn set, the sample of a large one, the layout and the criterion's own numbers.
Writes benchmarks/results/choose_k.json and the table of docs/number_of_clusters.md.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from criteria import CRITERIA
from pages import DOCS, fill_page, markdown
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine

from latentclust.clustering import nearest_images
from latentclust.clustering.choose import LAID_OUT_BY, SAMPLE, Space, space_of
from latentclust.data import DigitsDataModule, MNISTDataModule
from latentclust.data.points import make_points
from latentclust.data.preprocess import Preprocess, suitable_steps
from latentclust.errors import LatentclustError
from latentclust.hardware import device_name
from latentclust.runs.run import commit

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "choose_k.json"
PAGE = DOCS / "number_of_clusters.md"
LOWEST, HIGHEST, SEEDS = 2, 30, 5
Make = Callable[[int], Space]


def sets(folder: Path | None) -> Iterator[tuple[str, str, Make]]:
    """Yield each set's name, the number of its groups (as text) and what gives its space for a seed."""
    for groups in (3, 5, 8):
        yield f"blobs of {groups}", str(groups), partial(drawn, "blobs", noise=0.15, n_groups=groups)
    yield "blobs of 5, 10 dimensions", "5", partial(drawn, "blobs", noise=0.15, n_groups=5, dims=10)
    yield "moons", "2", partial(drawn, "moons", noise=0.06)
    yield "circles", "2", partial(drawn, "circles", noise=0.06)
    yield "digits, as vectors", "10", partial(space_of, suited(load_digits().data))
    yield "digits, as images", "10", digits
    yield "MNIST, 10,000 images", "10", mnist
    for name, load, groups in (
        ("iris", load_iris, "3"),
        ("wine", load_wine, "3"),
        ("breast cancer", load_breast_cancer, "2"),
    ):
        yield name, groups, partial(space_of, suited(load().data))
    if folder is not None:
        pens = suited(np.load(folder / "pendigits.npz")["x"])
        yield "pendigits", "10", lambda seed: space_of(some(pens, seed), seed)
        worms = suited(np.load(folder / "worm_neuron.npz")["x"])
        yield "worm_neuron", "10", partial(space_of, worms)


def drawn(name: str, seed: int, **options: Any) -> Space:
    """Draw 1,000 points."""
    return space_of(make_points(name, 1000, seed=seed, **options).points, seed)


def mnist(seed: int) -> Space:
    """Lay 10,000 of MNIST's images out."""
    data = MNISTDataModule(pool="train")
    data.setup()
    return laid_out(torch.from_numpy(some(data.pool.inputs.numpy(), seed)), seed)


def digits(seed: int) -> Space:
    """Lay the 1,797 small digits out as what they are."""
    data = DigitsDataModule(pool="all")
    data.setup()
    return laid_out(data.pool.inputs, seed)


def laid_out(images: torch.Tensor, seed: int) -> Space:
    """Lay images out by neighbors whose pixels may move, as a run does."""
    neighbors = nearest_images(images, LAID_OUT_BY, warp=2, candidates=40)
    return space_of(images.flatten(1).numpy(), seed, neighbors)


def some(points: np.ndarray[Any, Any], seed: int) -> np.ndarray[Any, Any]:
    """Draw a sample, as a run does."""
    return points[np.random.default_rng(seed).permutation(len(points))[:SAMPLE]]


def suited(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Preprocess rows as a run does."""
    rows = torch.from_numpy(x).float()
    return Preprocess.fit(suitable_steps(rows)[0], rows)(rows).numpy().astype(np.float64)


def measure(folder: Path | None, seeds: int, only: str) -> list[dict[str, Any]]:
    """Choose K by every criterion, for every set whose name begins with ``only``, and every seed."""
    rows = []
    for name, groups, make in sets(folder):
        if not name.startswith(only):
            continue
        for seed in range(seeds):
            begin = perf_counter()
            space = make(seed)
            row: dict[str, Any] = {"set": name, "groups": groups, "seed": seed, "points": len(space.points)}
            row |= {"commit": commit(), "date": str(date.today()), "device": device_name("cpu")}
            row["command"] = f"python benchmarks/choose_k.py FOLDER --only '{name}'"
            row |= {"space": space.name, "space_s": round(perf_counter() - begin, 1), "chosen": {}}
            for criterion, choose in CRITERIA.items():
                begin = perf_counter()
                options = {"n_neighbors": space.n_neighbors} if criterion == "modes" else {}
                try:
                    choice = choose(space.points, LOWEST, HIGHEST, seed, **options)
                except LatentclustError as error:
                    row["chosen"][criterion] = {"error": str(error)}
                    continue
                row["chosen"][criterion] = {
                    "n_clusters": choice.n_clusters,
                    "seconds": round(perf_counter() - begin, 1),
                    "curve": {k: round(value, 4) for k, value in choice.curve.items()},
                }
            print({key: value["n_clusters"] for key, value in row["chosen"].items()}, name, seed, flush=True)
            rows.append(row)
    return rows


def table(rows: list[dict[str, Any]]) -> str:
    """Write what each criterion chose, a row for each set."""
    lines = [["set", "groups", *CRITERIA]]
    for name in dict.fromkeys(row["set"] for row in rows):
        own = [row for row in rows if row["set"] == name]
        chosen = [" ".join(str(row["chosen"][c].get("n_clusters", "-")) for row in own) for c in CRITERIA]
        lines.append([name, own[0]["groups"], *chosen])
    seconds = [np.mean([row["chosen"][c].get("seconds", np.nan) for row in rows]) for c in CRITERIA]
    lines.append(["seconds without the layout, mean", "", *(f"{value:.1f}" for value in seconds)])
    return markdown(lines)


def main() -> None:
    """Measure, or only write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--output", type=Path, default=RESULTS)
    parser.add_argument("--only", default="")
    parser.add_argument("--tables", action="store_true")
    arguments = parser.parse_args()
    if not arguments.tables:
        rows = measure(arguments.folder, arguments.seeds, arguments.only)
        if arguments.only and arguments.output.is_file():
            known, new = json.loads(arguments.output.read_text())["rows"], {row["set"] for row in rows}
            rows = [row for row in known if row["set"] not in new] + rows
        lines = ",\n".join(json.dumps(row) for row in rows)
        arguments.output.write_text(f'{{"range": [{LOWEST}, {HIGHEST}], "rows": [\n{lines}\n]}}\n')
    if arguments.output == RESULTS:
        fill_page(PAGE, "choose_k", table(json.loads(RESULTS.read_text())["rows"]))


if __name__ == "__main__":
    main()
