"""A run of the paper's size, alone and with several seeds at once: made for a GPU.

    python benchmarks/paper_run.py        # 50 + 300 epochs at batch size 800, then ten seeds at once
    python benchmarks/paper_run.py --data digits --pretrain-epochs 1 --epochs 1 --seeds 2    # small

Seeds at once are processes that share the device. Writes benchmarks/results/paper_run.json: the seconds of
each stage, and what the seeds together take against one.
"""

import argparse
import json
import platform
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

import torch

from latentclust.hardware import choose_accelerator, device_name
from latentclust.runs.run import commit

RESULTS = Path(__file__).resolve().parent / "results" / "paper_run.json"


def start(options: argparse.Namespace, seed: int, folder: Path) -> "subprocess.Popen[bytes]":
    """Start a run in a process of its own."""
    overrides = [
        "experiment=lab/exercise3_vade",
        f"data={options.data}",
        f"data.batch_size={options.batch_size}",
        f"model.pretrain.max_epochs={options.pretrain_epochs}",
        "model.pretrain.cache=false",
        f"trainer.max_epochs={options.epochs}",
        f"trainer.accelerator={options.accelerator}",
        "trainer.enable_progress_bar=false",
        "figures.at_end=false",
        f"seed={seed}",
        f"hydra.run.dir={folder / str(seed)}",
    ]
    command = [sys.executable, "-m", "latentclust", *overrides]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def together(options: argparse.Namespace, seeds: int) -> dict[str, Any]:
    """Run several seeds at once; return the seconds of all, and of the stages of the slowest."""
    with tempfile.TemporaryDirectory() as name:
        begin = perf_counter()
        processes = [start(options, seed, Path(name)) for seed in range(seeds)]
        for process in processes:
            _, errors = process.communicate()
            if process.returncode:
                sys.exit(f"a run failed: {errors.decode()}")
        seconds = perf_counter() - begin
        stages = [
            json.loads((Path(name) / str(seed) / "summary.json").read_text())["seconds"]
            for seed in range(seeds)
        ]
    slowest = max(stages, key=lambda stage: sum(stage.values()))
    return {"seeds": seeds, "seconds": round(seconds, 1), "training_s": slowest["train"], "stages": slowest}


def main() -> None:
    """Run, print and write the file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--batch-size", type=int, default=800)
    parser.add_argument("--pretrain-epochs", type=int, default=50)
    parser.add_argument("--epochs", type=int, default=300)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--accelerator", default="auto")
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    one, all_seeds = together(options, 1), together(options, options.seeds)
    figures = {
        "command": shlex.join(["python", *sys.argv]),
        "commit": commit(),
        "device": device_name(choose_accelerator(options.accelerator)),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "one": one,
        "together": all_seeds,
        "ratio": round(all_seeds["seconds"] / one["seconds"], 2),
    }
    print(json.dumps(figures, indent=1))
    options.output.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
