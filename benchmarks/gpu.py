"""What a GPU gives, in one run and one file: numbers like the CPU's, no waits, the time of everything.

    python benchmarks/gpu.py                               # on a machine with a GPU, MNIST in data/
    python benchmarks/gpu.py --data digits --small         # everything once, on a CPU too
    python benchmarks/gpu.py --tables                      # runs nothing, writes the table of the page

Needs no network. Parts can be chosen, as in `--parts numerics waits`; each keeps its result, or why it
failed, so that one that breaks does not cost the others. Writes benchmarks/results/gpu.json anew.
"""

import argparse
import json
import os
import platform
import re
import shlex
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from gpu_parts import clustering, graphs, numerics, steps, waits
from pages import DOCS, fill_page, markdown

from latentclust.hardware import choose_accelerator, choose_precision, device_name
from latentclust.runs.run import commit

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "gpu.json"
PAGE = DOCS / "performance.md"
# Lines of the log.
DONE = re.compile(r"latentclust\.progress: (.*): done in ([\d.]+) s")

# What is run: how it is called in the table, and the arguments of its own.
HANDOUT = ("experiment=lab/exercise3_vade", "data.batch_size=800", "figures.at_end=false")
RUNS: dict[str, tuple[str, tuple[str, ...]]] = {
    "default": ("`python -m latentclust`", ()),
    "handout": ("the handout", HANDOUT),
    "seeds": ("the handout, ten seeds at once", HANDOUT),
    "eager": ("the handout without CUDA graphs", (*HANDOUT, "trainer.cuda_graphs=false")),
}


def run(name: str, device: str, options: argparse.Namespace) -> dict[str, Any]:
    """Time runs of the command line, from the command to the end, and keep the first one's stages and ACC."""
    overrides, n_seeds = [f"data={options.data}", "trainer.enable_progress_bar=false", *RUNS[name][1]], 1
    epochs = {}
    if name == "seeds":
        n_seeds = 2 if options.small else 10
    if name != "default":
        epochs = {"model.pretrain.max_epochs": options.epochs // 6, "trainer.max_epochs": options.epochs}
    if options.small:
        epochs = {"model.pretrain.max_epochs": 1, "trainer.max_epochs": 1}
        overrides += ["data.limit=200", "figures.at_end=false"]
    overrides += [f"{key}={value}" for key, value in epochs.items()]
    environment = dict(os.environ)
    if n_seeds > 1:  # each has its share of the cores
        environment["OMP_NUM_THREADS"] = str(max(1, (os.cpu_count() or 1) // n_seeds))
    with tempfile.TemporaryDirectory() as folder:
        start = perf_counter()
        processes = [
            subprocess.Popen(
                [
                    *(sys.executable, "-m", "latentclust", *overrides, f"seed={seed}"),
                    *(f"output_dir={folder}/{seed}", f"hydra.run.dir={folder}/run{seed}"),
                ],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                cwd=ROOT,
                env=environment,
            )
            for seed in range(n_seeds)
        ]
        for process in processes:
            errors = process.communicate()[1].decode()
            if process.returncode:
                raise RuntimeError(errors[-2000:])
        seconds = perf_counter() - start
        summary = json.loads((Path(folder) / "run0" / "summary.json").read_text())
        log = (Path(folder) / "run0" / "latentclust.log").read_text()
    return {
        "overrides": overrides,
        "seeds": n_seeds,
        "epochs": list(epochs.values()),
        "seconds": round(seconds, 1),
        "stages": summary["seconds"],
        "tasks": [[task, float(s)] for task, s in DONE.findall(log)],
        "acc": summary["results"][-1]["pool"]["acc"],
        "device": summary["device"],
    }


def table(figures: dict[str, Any]) -> str:
    """Write what was measured, one line each."""
    lines = [[f"{figures['device']}, {figures['cores']} cores of its host", "measured"]]
    there = {name: part for name, part in figures.items() if name in PARTS and "failed" not in part}
    for name, seconds in there.get("steps", {}).items():
        if name.startswith("batch"):
            lines.append([f"a step of VaDE, {name}", f"{1000 * seconds:.2f} ms"])
    if "cuda" in (found := there.get("clustering", {})):
        for name in ("neighbors", "distortion", "mixture"):
            what = f"{name} of {found['images']:,} images; on the host {found['cpu'][name]:.2f} s"
            lines.append([what, f"{found['cuda'][name]:.2f} s"])
    for name in (name for name in RUNS if name in there):
        (called, _), one = RUNS[name], there[name]
        if one["epochs"]:
            epochs = " + ".join(map(str, one["epochs"]))
            lines.append(
                [f"{called}, {epochs} epochs, from the command to the end", f"{one['seconds']:.0f} s"]
            )
            drawing = sum(s for task, s in one["tasks"] if task == "figures")
            per_epoch = (one["stages"]["train"] - drawing) / one["epochs"][-1]
            lines.append(["... of it an epoch of VaDE, its figures aside", f"{per_epoch:.2f} s"])
        else:
            what = f"{called}, from the command to the end, ACC {100 * one['acc']:.2f}"
            lines.append([what, f"{one['seconds']:.0f} s"])
            lines += [[f"... of it `{stage}`", f"{s:.1f} s"] for stage, s in one["stages"].items()]
    return markdown(lines)


PARTS: dict[str, Callable[[str, argparse.Namespace], dict[str, Any]]] = {
    "numerics": numerics,
    "waits": waits,
    "graphs": graphs,
    "steps": steps,
    "clustering": clustering,
    **{name: partial(run, name) for name in RUNS},
}


def main() -> None:
    """Run the parts, each kept as soon as it is done."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--small", action="store_true", help="everything once, as small as it goes")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--epochs", type=int, default=300, help="of the handout's VaDE")
    parser.add_argument("--output", type=Path, default=RESULTS)
    parser.add_argument("--tables", action="store_true", help="write the table, run nothing")
    options = parser.parse_args()
    if options.tables:
        fill_page(PAGE, "gpu", table(json.loads(options.output.read_text())))
        return
    device = choose_accelerator("auto")
    figures: dict[str, Any] = {
        "command": shlex.join(["python", *sys.argv]),
        "commit": commit(),
        "date": datetime.now().astimezone().isoformat(timespec="seconds"),
        "device": device_name(device),
        "precision": choose_precision(device, "auto"),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "cores": os.cpu_count(),
    }
    options.output.parent.mkdir(parents=True, exist_ok=True)
    failed = False
    for name in options.parts:
        start = perf_counter()
        try:
            figures[name] = PARTS[name](device, options)
        except Exception:
            figures[name], failed = {"failed": traceback.format_exc()}, True
        figures[name]["took_s"] = round(perf_counter() - start, 1)
        print(name, json.dumps(figures[name], indent=1), flush=True)
        options.output.write_text(json.dumps(figures, indent=1) + "\n")
    sys.exit(failed)


if __name__ == "__main__":
    main()
