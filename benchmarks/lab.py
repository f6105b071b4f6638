"""Run the lab: every command of docs/lab.md, its numbers and its pictures.

    python benchmarks/lab.py                  # what is missing
    python benchmarks/lab.py part1 exercise1  # only of these parts

Each run leaves benchmarks/results/lab/<name>.json as soon as it is over, and the pictures that the page shows
in docs/images/lab/. Writes the tables of docs/lab.md and docs/lab.fr.md. The runs of the third
exercise's main command are those of benchmarks/accuracy.py, one for each seed.
"""

import json
import shutil
import statistics
from dataclasses import dataclass

import accuracy
from pages import DOCS, fill_page, markdown

import runs
from runs import ROOT

RESULTS = ROOT / "benchmarks" / "results" / "lab"
IMAGES = DOCS / "images" / "lab"
# Each page, with the words of its column heads that differ from those here.
PAGES: dict[str, dict[str, str]] = {
    "lab.md": {},
    "lab.fr.md": {
        "command": "commande",
        "clusters by": "partition par",
        "test ACC": "ACC de test",
        "seconds": "secondes",
        "ACC mean ± sd": "ACC moyenne ± écart type",
        "worst": "la pire",
        "nearest": "la plus proche",
        "farthest": "la plus lointaine",
        "contrast": "contraste",
    },
}


@dataclass(frozen=True)
class Command:
    """One command of the lab, and which of its figures the page shows."""

    overrides: str
    figures: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """What a reader types."""
        return f"python -m latentclust {self.overrides}"


AE, VAE, VADE = "experiment=lab/exercise1_ae", "experiment=lab/exercise2_vae", "experiment=lab/exercise3_vade"
SHALLOW = {
    f"ae_shallow_{d}": Command(f"{AE} model.latent_dim={d}", figures)
    for d, figures in {2: ("latent", "plane"), 3: ("latent_3d",), 10: ("tsne_latent_space",)}.items()
}
DEEP = {
    f"ae_deep_{d}": Command(f"{AE} network=deep model.latent_dim={d}", figures)
    for d, figures in {2: (), 3: (), 10: ("curves",)}.items()
}
PARTS: dict[str, dict[str, Command]] = {
    "part1": {
        name: Command(f"experiment=lab/part1_{name}", ("clusters", *more))
        for name, more in {
            "blobs": (),
            "moons_kmeans": (),
            "moons_spectral": ("features",),
            "circles_kmeans": (),
            "circles_spectral": ("features",),
        }.items()
    },
    "dims": {
        f"dims_{dims}": Command(f"experiment=lab/part1_dims data.dims={dims}", ("distances",))
        for dims in (2, 10, 100, 1000)
    },
    "exercise1": {**SHALLOW, **DEEP},
    "exercise2": {
        "vae_2": Command(f"{VAE} model.latent_dim=2", ("latent", "plane")),
        "vae_10": Command(f"{VAE} model.latent_dim=10", ("samples",)),
    },
    "exercise3": {
        "paper": Command("experiment=vade_paper", ("curves", "samples", "confusion", "tsne_latent_space")),
        "vade": Command(VADE),
        "handout": Command("experiment=lab/exercise3_handout"),
    },
}


def run(part: str, name: str, command: Command, threads: int) -> str:
    """Run a command, unless its file is there; return a line on what happened."""
    path, folder = RESULTS / f"{name}.json", ROOT / "outputs" / "lab" / name
    if path.exists():
        return f"{name}: there already"
    try:
        summary = runs.run(command.overrides.split(), folder, threads)
    except RuntimeError as error:
        return f"{name}: {error}"
    kept = {"part": part, "name": name} | {key: summary[key] for key in (*runs.KEPT, "metrics")}
    IMAGES.mkdir(parents=True, exist_ok=True)
    for figure in command.figures:
        shutil.copy(folder / "figures" / f"{figure}.png", IMAGES / f"{name}_{figure}.png")
    runs.keep(path, kept | {"command": command.text})
    return f"{name}: done in {sum(summary['seconds'].values()):.0f} s"


def table(part: str, page: str = "lab.md") -> str:
    """Write a row for each clustering of each run of a part, its header in a page's words."""
    lines = [["command", "clusters by", "ACC", "NMI", "ARI", "test ACC", "seconds"]]
    if part == "dims":
        lines[0] = ["command", "ACC", "nearest", "farthest", "contrast"]
    for name, command in PARTS[part].items():
        path = RESULTS / f"{name}.json"
        if not path.exists():
            continue
        one = json.loads(path.read_text())
        if part == "dims":
            distances = [one["metrics"][f"distances/{key}"] for key in ("nearest", "farthest", "contrast")]
            cells = [percent(one["results"][-1]["pool"]["acc"]), *(f"{value:.3g}" for value in distances)]
            lines.append([f"`{command.overrides}`", *cells])
            continue
        seconds = f"{sum(one['seconds'].values()):.0f}"
        for number, result in enumerate(one["results"]):
            scores = [percent(result["pool"][score]) for score in ("acc", "nmi", "ari")]
            test = percent(result["test"]["acc"]) if result["test"] else ""
            first = [f"`{command.overrides}`", seconds] if number == 0 else ["", ""]
            lines.append([first[0], result["method"], *scores, test, first[1]])
    if len(lines) == 1:
        return "*Not run yet.*"
    return markdown(headed(lines, page), left=1 if part == "dims" else 2)


def headed(lines: list[list[str]], page: str) -> list[list[str]]:
    """Put a table's header into a page's words."""
    return [[PAGES[page].get(head, head) for head in lines[0]], *lines[1:]]


def paper(page: str = "lab.md") -> str:
    """Write a row for each clustering of ``experiment=vade_paper``, its mean over all seeds that were run."""
    group = accuracy.grouped(accuracy.load())["vade_paper", "mnist"]
    lines = [["clusters by", "ACC mean ± sd", "worst", "NMI", "ARI", "test ACC"]]
    for results in zip(*(one["results"] for one in group), strict=True):
        (method,) = {result["method"] for result in results}
        acc, worst, _ = runs.percent([result["pool"]["acc"] for result in results], digits=1)
        means = [
            percent(statistics.mean(result[part][score] for result in results))
            for part, score in (("pool", "nmi"), ("pool", "ari"), ("test", "acc"))
        ]
        lines.append([method, acc, worst, *means])
    return markdown(headed(lines, page))


def percent(share: float | None) -> str:
    """Write a share in percent."""
    return "" if share is None else f"{100 * share:.1f}"


def main() -> None:
    """Run what is missing, then write the tables."""
    parser = runs.arguments(__doc__, jobs=1)
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; all if none is named")
    parser.add_argument("--tables", action="store_true", help="write the tables, run nothing")
    options = parser.parse_args()
    chosen = {} if options.tables else {part: PARTS[part] for part in options.parts or PARTS}
    jobs = [
        (part, name, command, runs.threads(options))
        for part, commands in chosen.items()
        for name, command in commands.items()
    ]
    runs.parallel(run, jobs, options.jobs)
    for page in PAGES:
        for part in PARTS:
            fill_page(DOCS / page, f"lab-{part}", table(part, page))
        fill_page(DOCS / page, "lab-paper", paper(page))


if __name__ == "__main__":
    main()
