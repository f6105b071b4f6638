"""How long the default recipe takes, from the command to the last figure, and how good it is when.

    python benchmarks/timed.py             # some ten minutes on an otherwise idle machine
    python benchmarks/timed.py --codes     # of these, only the graph of the codes: four minutes
    python benchmarks/timed.py --tables    # only the table

Nothing comes from a cache. Writes benchmarks/results/timed.json and the table of docs/performance.md.
"""

import json
import re
from datetime import datetime
from time import perf_counter
from typing import Any

from pages import DOCS, fill_page, markdown

import runs

RESULTS = runs.ROOT / "benchmarks" / "results" / "timed.json"
PAGE = DOCS / "performance.md"
QUIET = "trainer.enable_progress_bar=false"
# Only the neighbor graph of the codes, as large as the default's, with codes good enough to have one.
CODES = [
    "experiment=vade_manifold",
    "init.n_neighbors=15",
    "init.n_epochs=50",
    "trainer.max_epochs=1",
    "figures.at_end=false",
]
# A line of the log: when, which epoch of VaDE, its accuracy in percent.
EPOCH = re.compile(r"^(\S+ \S+) \S+ \S+ train epoch +(\d+)/\d+ .* acc +([\d.]+)%", re.MULTILINE)


def measure(threads: int) -> dict[str, Any]:
    """Time a run of the default recipe."""
    folder = runs.ROOT / "outputs" / "timed"
    begin, clock = datetime.now(), perf_counter()
    summary = runs.run([f"output_dir={folder / 'fresh'}", QUIET], folder, threads)
    total = perf_counter() - clock
    epochs = [
        {
            "epoch": int(epoch),
            "seconds": round((at(time) - begin).total_seconds(), 1),
            "acc": round(float(acc) / 100, 4),
        }
        for time, epoch, acc in EPOCH.findall((folder / "latentclust.log").read_text())
    ]
    return {
        **{key: summary[key] for key in runs.KEPT if key != "config"},
        "total_s": round(total, 1),
        "epochs": epochs,
    }


def measure_codes(threads: int) -> dict[str, Any]:
    """Time the initialization by a graph of codes."""
    folder = runs.ROOT / "outputs" / "timed_codes"
    summary = runs.run([f"output_dir={folder / 'fresh'}", QUIET, *CODES], folder, threads)
    told = {key: summary[key] for key in ("command", "commit", "date", "device")}
    return {"codes_graph": told | {"seconds": summary["seconds"]["init"]}}


def at(time: str) -> datetime:
    """Read a log's time."""
    return datetime.strptime(time, "%Y-%m-%d %H:%M:%S,%f")


def table(result: dict[str, Any]) -> str:
    """Write what was measured, one line each."""
    seconds = result["seconds"]
    lines = [["`python -m latentclust`, all of MNIST, seed 0", "measured"]]
    lines += [
        ["pretraining", f"{seconds['pretrain']:.0f} s"],
        [
            "neighbors among the images, clusters of their graph, the vote",
            f"{seconds['init']:.0f} s",
        ],
        ["VaDE's epochs", f"{seconds['train']:.0f} s"],
        ["from the command to the end, with figures and report", f"{result['total_s']:.0f} s"],
    ]
    for one in result["epochs"]:
        lines.append(
            [f"until epoch {one['epoch']} is done, ACC {100 * one['acc']:.2f}", f"{one['seconds']:.0f} s"]
        )
    lines.append(
        ["ACC of all images at the end", f"{100 * result['results'][-1]['pool']['acc']:.2f} %"],
    )
    if "codes_graph" in result:
        seconds = f"{result['codes_graph']['seconds']:.0f} s"
        lines.append(
            [
                "for comparison: neighbors by the codes of `vade_manifold`, and clusters of their graph",
                seconds,
            ]
        )
    return markdown(lines)


def main() -> None:
    """Measure, then write the file and the table."""
    parser = runs.arguments(__doc__, jobs=1)
    parser.add_argument("--codes", action="store_true", help="measure the graph of the codes alone")
    parser.add_argument("--tables", action="store_true", help="write the table, run nothing")
    options = parser.parse_args()
    if options.codes and not RESULTS.exists():
        parser.error("--codes adds to a timed run, and there is none yet: leave it out")
    threads = runs.threads(options)
    if not (options.codes or options.tables):
        runs.keep(RESULTS, measure(threads))
    if not options.tables:
        runs.keep(RESULTS, json.loads(RESULTS.read_text()) | measure_codes(threads))
    if RESULTS.exists():
        fill_page(PAGE, "timed", table(json.loads(RESULTS.read_text())))


if __name__ == "__main__":
    main()
