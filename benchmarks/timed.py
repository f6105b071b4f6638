"""How long the default recipe takes, from the command to the last figure, and how good it is when.

    python benchmarks/timed.py                      # some five minutes on an otherwise idle machine
    python benchmarks/timed.py --against 072faef    # and the same of an earlier commit, after it
    python benchmarks/timed.py --tables             # only the table

Nothing comes from a cache. Writes benchmarks/results/timed.json and the table of docs/performance.md.
"""

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from pages import DOCS, fill_page, markdown

import runs

RESULTS = runs.ROOT / "benchmarks" / "results" / "timed.json"
PAGE = DOCS / "performance.md"
QUIET = "trainer.enable_progress_bar=false"
# Lines of the log: when, which epoch of VaDE, its accuracy in percent; and when the start was there.
EPOCH = re.compile(r"^(\S+ \S+) \S+ \S+ train epoch +(\d+)/\d+ .* acc +([\d.]+)%", re.MULTILINE)
START = re.compile(r"^(\S+ \S+) \S+ \S+ init \(\w+\): done", re.MULTILINE)


def measure(threads: int) -> dict[str, Any]:
    """Time a run of the default recipe."""
    folder = runs.ROOT / "outputs" / "timed"
    begin, clock = datetime.now(), perf_counter()
    summary = runs.run([f"output_dir={folder / 'fresh'}", QUIET], folder, threads)
    total = perf_counter() - clock
    log = (folder / "latentclust.log").read_text()
    epochs = [
        {"epoch": int(epoch), "seconds": since(begin, time), "acc": round(float(acc) / 100, 4)}
        for time, epoch, acc in EPOCH.findall(log)
    ]
    start = START.search(log)
    assert start is not None
    return {
        **{key: summary[key] for key in runs.KEPT if key != "config"},
        "total_s": round(total, 1),
        "start_s": since(begin, start[1]),
        "epochs": epochs,
    }


def since(begin: datetime, time: str) -> float:
    """Return the seconds until a log's time."""
    return round((datetime.strptime(time, "%Y-%m-%d %H:%M:%S,%f") - begin).total_seconds(), 1)


def measure_earlier(commit: str, threads: int) -> dict[str, Any]:
    """Time the default recipe of an earlier commit, with this environment and these data."""
    with checkout(commit) as root:
        overrides = [f"output_dir={root / 'fresh'}", f"data.root={runs.ROOT / 'data'}", QUIET]
        clock = perf_counter()
        summary = runs.run(overrides, root / "run", threads, root)
        total = perf_counter() - clock
    kept = {key: summary[key] for key in ("commit", "date", "device", "seconds", "results")}
    return kept | {"total_s": round(total, 1)}


@contextmanager
def checkout(commit: str) -> Iterator[Path]:
    """Check a commit out, and throw it away."""
    git = ["git", "-C", str(runs.ROOT), "worktree"]
    with TemporaryDirectory() as folder:
        root = Path(folder) / "earlier"
        subprocess.run([*git, "add", "--detach", str(root), commit], check=True)
        try:
            yield root
        finally:
            subprocess.run([*git, "remove", "--force", str(root)], check=True)


def table(result: dict[str, Any]) -> str:
    """Write what was measured, one line each."""
    seconds, scores = result["seconds"], {one["method"]: one["pool"]["acc"] for one in result["results"]}
    start = next(acc for method, acc in scores.items() if "start" in method)
    shown = sum(seconds[stage] for stage in ("evaluate", "assign", "show"))
    lines = [["`python -m latentclust`, all of MNIST, seed 0", "measured"]]
    lines += [
        ["pretraining", f"{seconds['pretrain']:.0f} s"],
        ["neighbors among the images, clusters of their graph, the vote", f"{seconds['init']:.0f} s"],
        ["VaDE's epochs", f"{seconds['train']:.0f} s"],
        ["scores, `assignments.csv`, figures", f"{shown:.0f} s"],
        ["from the command to the end, with figures and report", f"{result['total_s']:.0f} s"],
        [f"until the start is there, ACC {100 * start:.2f}", f"{result['start_s']:.0f} s"],
    ]
    for one in result["epochs"]:
        lines.append(
            [f"until epoch {one['epoch']} is done, ACC {100 * one['acc']:.2f}", f"{one['seconds']:.0f} s"]
        )
    lines.append(["ACC of all images at the end", f"{100 * scores['VaDE']:.2f} %"])
    if "earlier" in result:
        earlier = result["earlier"]
        about = f"commit {earlier['commit'][:7]}, run after it, from the command to the end"
        lines.append([about, f"{earlier['total_s']:.0f} s"])
    return markdown(lines)


def main() -> None:
    """Measure, then write the file and the table."""
    parser = runs.arguments(__doc__, jobs=1)
    parser.add_argument("--against", metavar="COMMIT", help="time an earlier commit too")
    parser.add_argument("--tables", action="store_true", help="write the table, run nothing")
    options = parser.parse_args()
    threads = runs.threads(options)
    if not options.tables:
        result = measure(threads)
        if options.against:
            result["earlier"] = measure_earlier(options.against, threads)
        runs.keep(RESULTS, result)
    fill_page(PAGE, "timed", table(json.loads(RESULTS.read_text())))


if __name__ == "__main__":
    main()
