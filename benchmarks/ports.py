"""What the differences between common VaDE code and ours cost, one at a time.

    python benchmarks/ports.py --seeds 0 1 2 3 4

Trains the paper's recipe on scikit-learn's digits, once as it is and once with each difference put in; all
start from the same pretraining and mixture. The runs are in benchmarks/results/ports.json as soon as their
seed is over, and are not run again. Writes the table of docs/method.md.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from pages import DOCS, fill_page, markdown
from torch import Tensor

import runs as records

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "ports.json"
PAGE = DOCS / "method.md"
OVERRIDES = [
    "experiment=vade_plain",
    "data=digits",
    "data.batch_size=64",
    "model.pretrain.max_epochs=50",
    "trainer.max_epochs=50",
    "trainer.enable_progress_bar=false",
    "figures.at_end=false",
]


def small_constant() -> None:
    """Let gamma be exp(log p(z, c)) + 1e-10, normalized."""
    from latentclust.modules.mixture import GaussianMixturePrior

    def log_responsibilities(self: GaussianMixturePrior, z: Tensor) -> Tensor:
        joint = self.log_joint(z).exp() + 1e-10
        return (joint / joint.sum(dim=-1, keepdim=True)).log()

    GaussianMixturePrior.log_responsibilities = log_responsibilities  # type: ignore[method-assign]
    GaussianMixturePrior.responsibilities = lambda self, z: log_responsibilities(self, z).exp()  # type: ignore


def free_weights() -> None:
    """Let pi be free numbers under a logarithm."""
    from latentclust.modules.mixture import GaussianMixturePrior, MixtureParameters

    fitted = GaussianMixturePrior.set_parameters

    def set_parameters(self: GaussianMixturePrior, parameters: MixtureParameters) -> None:
        fitted(self, parameters)
        with torch.no_grad():
            self.logits.copy_(parameters.weights)

    GaussianMixturePrior.set_parameters = set_parameters  # type: ignore[method-assign]
    GaussianMixturePrior.log_pi = property(lambda self: self.logits.log())  # type: ignore[assignment]


def copied_head() -> None:
    """Let the log-variance head be a copy of the mean head."""
    from latentclust.models import AE, VaDE

    start_from = VaDE.start_from

    def copying(self: VaDE, autoencoder: AE) -> None:
        start_from(self, autoencoder)
        self.encoder.log_var.load_state_dict(self.encoder.mean.state_dict())

    VaDE.start_from = copying  # type: ignore[method-assign]


def second_sample() -> None:
    """Let gamma have a sample of its own."""
    import latentclust.modules.objectives as objectives

    vade_kl = objectives.vade_kl

    def independent(mu: Tensor, log_var: Tensor, z: Tensor, *rest: Any) -> tuple[Tensor, Tensor]:
        return vade_kl(mu, log_var, objectives.reparameterize(mu, log_var, len(z)), *rest)

    objectives.vade_kl = independent


VARIANTS: dict[str, Callable[[], None]] = {
    "as here": lambda: None,
    "exp(log p(z, c)) + 1e-10": small_constant,
    "free pi": free_weights,
    "a second z for gamma": second_sample,
    "mean head copied into log-variance head": copied_head,
}


def run(variant: str, seed: int) -> dict[str, Any]:
    """Train a variant in a process of its own; one that fails is a result too."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--as", variant, *OVERRIDES, f"seed={seed}"]
        done = subprocess.run(
            [*command, f"hydra.run.dir={folder}"],
            cwd=HERE.parent,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        told = {"variant": variant, "command": f"python benchmarks/ports.py --seeds {seed}"}
        if done.returncode:
            return told | {"seed": seed, "failed": done.stderr.strip().splitlines()[-1]}
        summary = json.loads((Path(folder) / "summary.json").read_text())
    return told | {key: summary[key] for key in records.KEPT if key != "command"}


def accuracy(one: dict[str, Any]) -> float | None:
    """Return a run's accuracy in percent, or None if it failed."""
    return None if "failed" in one else 100 * one["results"][-1]["pool"]["acc"]


def table(runs: list[dict[str, Any]]) -> str:
    """Write a row for each variant: its accuracy, and what it is short of ours on the same seeds."""
    ours = {one["seed"]: accuracy(one) for one in runs if one["variant"] == "as here"}
    scores = ["ACC mean ± sd", "worst", "best", "difference ± its error"]
    lines = [["VaDE on `data=digits`", "seeds", *scores, "failed"]]
    for variant in VARIANTS:
        group = [one for one in runs if one["variant"] == variant]
        values = {one["seed"]: acc for one in group if (acc := accuracy(one)) is not None}
        if not values:
            continue
        gaps = [acc - own for seed, acc in values.items() if (own := ours.get(seed)) is not None]
        spread = f" ± {statistics.stdev(values.values()):.1f}" if len(values) > 1 else ""
        error = f" ± {statistics.stdev(gaps) / len(gaps) ** 0.5:.1f}" if len(gaps) > 1 else ""
        lines.append(
            [
                variant,
                str(len(group)),
                f"{statistics.mean(values.values()):.1f}{spread}",
                f"{min(values.values()):.1f}",
                f"{max(values.values()):.1f}",
                "" if variant == "as here" or not gaps else f"{statistics.mean(gaps):+.1f}{error}",
                str(len(group) - len(values)),
            ]
        )
    return markdown(lines)


def main() -> None:
    """Run what is missing, then write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time, one thread each")
    options = parser.parse_args()
    runs = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    there = {(one["variant"], one["seed"]) for one in runs}
    for seed in options.seeds:  # the first variant leaves its pretraining to the others
        missing = [variant for variant in VARIANTS if (variant, seed) not in there]
        with ThreadPoolExecutor(options.jobs) as pool:
            first = [run(missing.pop(0), seed)] if missing else []
            runs += [*first, *pool.map(lambda variant, seed=seed: run(variant, seed), missing)]
        records.keep(RESULTS, runs)
        print(
            f"seed {seed}: {[(one['variant'], accuracy(one)) for one in runs if one['seed'] == seed]}",
            flush=True,
        )
    fill_page(PAGE, "ports", table(runs))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--as"]:
        VARIANTS[sys.argv[2]]()
        del sys.argv[1:3]
        from latentclust.cli import main as latentclust

        latentclust()
    else:
        main()
