"""Two processes against one with the same batches: the curves of the loss, and the accuracy.

    python benchmarks/ddp.py               # some minutes on two cores
    python benchmarks/ddp.py --tables      # only the table

Writes benchmarks/results/ddp.json and the table of docs/devices.md.
"""

import json
import os
from typing import Any

import torch
from pages import DOCS, fill_page, markdown

import runs

RESULTS = runs.ROOT / "benchmarks" / "results" / "ddp.json"
PAGE = DOCS / "devices.md"
SAME = [
    "data=digits",
    "data.min_images_per_epoch=null",
    "accelerator=cpu",
    "figures.at_end=false",
    "trainer.enable_progress_bar=false",
    "trainer.max_epochs=10",
    "callbacks.cluster_accuracy.every_n_epochs=0",
]
# By what they are called: the overrides, the seeds, and whether noise is drawn, in each process its own.
CASES: dict[str, tuple[list[str], int, bool]] = {
    "autoencoder with convolutions": (["model=ae", "network=conv"], 1, False),
    "IDEC": (["experiment=idec", "model.pretrain.max_epochs=20"], 1, False),
    "VaDE": (["model=vade", "network=small", "augment=none", "model.pretrain.max_epochs=50"], 2, True),
}


def curve(folder: Any) -> list[float]:
    """Read the loss of each epoch."""
    checkpoint = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
    states = checkpoint["callbacks"].items()
    history = next(state["metrics"] for name, state in states if name.startswith("History"))
    return [value for _, value in history["train/loss"]]


def measure_pair(overrides: list[str], seed: int) -> dict[str, Any]:
    """Run one process, then two, each with a thread."""
    row: dict[str, Any] = {"seed": seed}
    for devices in (1, 2):
        folder = runs.ROOT / "outputs" / "ddp" / str(devices)
        command = [*overrides, *SAME, f"seed={seed}", f"trainer.devices={devices}"]
        summary = runs.run([*command, f"output_dir={folder / 'fresh'}"], folder, threads=1)
        row[str(devices)] = {
            **{key: summary[key] for key in ("command", "commit", "date", "device", "seconds")},
            "loss": curve(folder),
            "acc": summary["results"][-1]["pool"]["acc"],
        }
    return row


def difference(row: dict[str, Any]) -> float:
    """Compute the largest difference of the losses after an epoch, relative to one process's."""
    return max(abs(b / a - 1) for a, b in zip(row["1"]["loss"], row["2"]["loss"], strict=True))


def table(result: dict[str, Any]) -> str:
    """Write a line for each model."""
    lines = [["10 epochs of 1,797 digits", "noise", "loss differs by at most", "ACC, one process", "two"]]
    for name, rows in result["cases"].items():
        noise = "each process its own" if CASES[name][2] else "none"
        largest = max(difference(row) for row in rows)
        accuracies = [", ".join(f"{100 * row[devices]['acc']:.2f}" for row in rows) for devices in ("1", "2")]
        lines.append([name, noise, f"{largest:.1e} of it", *accuracies])
    return markdown(lines, left=2)


def main() -> None:
    """Measure, then write the file and the table."""
    parser = runs.arguments(__doc__, jobs=1)
    parser.add_argument("--tables", action="store_true", help="write the table, run nothing")
    options = parser.parse_args()
    if not options.tables:
        cases = {
            name: [measure_pair(overrides, seed) for seed in range(seeds)]
            for name, (overrides, seeds, _) in CASES.items()
        }
        runs.keep(RESULTS, {"cores": os.cpu_count(), "cases": cases})
    fill_page(PAGE, "ddp", table(json.loads(RESULTS.read_text())))


if __name__ == "__main__":
    main()
