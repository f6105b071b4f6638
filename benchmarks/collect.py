"""Collect runs into one committed result file, and write a table of docs/results.md from it.

    python benchmarks/collect.py outputs/multirun/2026-01-31/12-00-00   # any folders with summary.json
    python benchmarks/collect.py                                        # only the table, from the file

Every run of a model is listed: nothing is left out, and the best never stands without mean, spread and worst.
"""

import json
import re
import statistics
import sys
from pathlib import Path
from typing import Any

from runs import KEPT

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "foundation.json"
PAGE = HERE.parent / "docs" / "results.md"
MARKS = ("<!-- results: written by benchmarks/collect.py -->", "<!-- /results -->")


def collect(folders: list[Path]) -> list[dict[str, Any]]:
    """Read the summaries under the folders, in the order of data, model and seed."""
    summaries = [
        json.loads(path.read_text()) for folder in folders for path in sorted(folder.rglob("summary.json"))
    ]
    for summary in summaries:
        check(summary, summaries)
    runs = [{key: summary[key] for key in KEPT} for summary in summaries]
    return sorted(runs, key=lambda run: (run["data"], run["model"], run["seed"]))


def check(summary: dict[str, Any], summaries: list[dict[str, Any]]) -> None:
    """Stop at a run that must not be averaged with the others."""
    name = f"{summary['model']} on {summary['data']}, seed {summary['seed']}"
    if summary["config"]["task"]["name"] != "fit" or summary["warnings"]:
        sys.exit(f"{name} is no whole training run: {summary['command']} {summary['warnings']}")
    same = [s for s in summaries if (s["model"], s["data"]) == (summary["model"], summary["data"])]
    if sum(s["seed"] == summary["seed"] for s in same) > 1:
        sys.exit(f"{name} is there twice")
    if any(s["config"] | {"seed": 0} != summary["config"] | {"seed": 0} for s in same):
        sys.exit(f"{name} has other settings than another seed")


def rows(runs: list[dict[str, Any]]) -> list[list[str]]:
    """Make a row for each data set and method: ACC's mean, spread, worst and best, NMI, ARI and test ACC."""
    scores: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for run in runs:
        for result in run["results"]:
            if result["method"] == "k-means on pixels" and run["model"] != "VaDE":
                continue  # the same for every model of a seed; VaDE's runs use the whole set
            if "AE latents" in result["method"] and run["model"] == "VaDE":
                result = result | {"method": f"{result['method']} (VaDE's first stage)"}
            if result["method"] == "VaDE":
                result = result | {"method": "VaDE from a diagonal GMM (`experiment=vade_plain`)"}
            scores.setdefault((run["data"], result["method"]), []).append(result)
    table = []
    for (data, method), results in scores.items():
        acc = [100 * result["pool"]["acc"] for result in results]
        spread = f"{statistics.stdev(acc):.1f}" if len(acc) > 1 else "-"
        means = [
            statistics.mean(100 * result[part][score] for result in results)
            for part, score in (("pool", "nmi"), ("pool", "ari"), ("test", "acc"))
        ]
        table.append(
            [
                data,
                method,
                str(len(acc)),
                f"{statistics.mean(acc):.1f} ± {spread}",
                f"{min(acc):.1f}",
                f"{max(acc):.1f}",
            ]
            + [f"{mean:.1f}" for mean in means]
        )
    return table


def markdown(runs: list[dict[str, Any]]) -> str:
    """Write the table for the page."""
    header = [
        "data",
        "clusters by",
        "seeds",
        "ACC mean ± sd",
        "worst",
        "best",
        "NMI",
        "ARI",
        "ACC on test images",
    ]
    lines = [header, ["---"] * 2 + ["---:"] * (len(header) - 2), *rows(runs)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def with_table(text: str, table: str) -> str:
    """Put the table between the marks of a text."""
    start, end = (re.escape(mark) for mark in MARKS)
    return re.sub(f"{start}.*{end}", f"{MARKS[0]}\n{table}\n{MARKS[1]}", text, flags=re.DOTALL)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(
            json.dumps({"runs": collect([Path(name) for name in sys.argv[1:]])}, indent=1) + "\n"
        )
    found = json.loads(RESULTS.read_text())["runs"]
    PAGE.write_text(with_table(PAGE.read_text(), markdown(found)))
    print(markdown(found))
