"""How OpenMP's threads should wait for each other: on a quiet machine, and beside others that compute.

    python benchmarks/busy.py             # some minutes
    python benchmarks/busy.py --steps 2 --rounds 1

Every way trains the same steps of an autoencoder in a process of its own, in turn, so that noise hurts all
alike. `busy` is beside as many processes that compute as there are cores. Writes results/busy.json.
"""

import argparse
import json
import os
import platform
import shlex
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

RESULTS = Path(__file__).resolve().parent / "results" / "busy.json"
# GNU's OpenMP waits actively for some 300,000 turns unless it is told otherwise.
WAYS = {
    "default of OpenMP": {},
    "GOMP_SPINCOUNT=10000": {"GOMP_SPINCOUNT": "10000"},
    "GOMP_SPINCOUNT=1000": {"GOMP_SPINCOUNT": "1000"},
    "GOMP_SPINCOUNT=0": {"GOMP_SPINCOUNT": "0"},
    "OMP_WAIT_POLICY=passive": {"OMP_WAIT_POLICY": "passive"},
}
OURS = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY", "OMP_NUM_THREADS")
STEPS = """
import sys
from time import perf_counter
import torch
from latentclust.models import AE
torch.set_num_threads(int(sys.argv[2]))
torch.manual_seed(0)
model = AE([1, 28, 28], [500, 500, 2000], 10)
adam = torch.optim.Adam(model.parameters(), fused=True)
x = torch.rand(256, 1, 28, 28)
def steps(n):
    for _ in range(n):
        adam.zero_grad()
        model.objective(x)["loss"].backward()
        adam.step()
steps(3)
start = perf_counter()
steps(int(sys.argv[1]))
print(perf_counter() - start)
"""


def seconds(way: dict[str, str], steps: int, threads: int) -> float:
    """Time the steps in a process that waits in this way."""
    plain = {name: value for name, value in os.environ.items() if name not in OURS}
    # As it is before the package sets its own default: torch has to be loaded with it.
    command = [sys.executable, "-c", f"import torch\n{STEPS}", str(steps), str(threads)]
    done = subprocess.run(command, env=plain | way, capture_output=True, text=True, check=True)
    return float(done.stdout)


@contextmanager
def others(n: int) -> Iterator[None]:
    """Have n processes compute."""
    processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(n)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def main() -> None:
    """Measure, print and write the file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    cores = os.cpu_count() or 1
    measured: dict[str, dict[str, list[float]]] = {}
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    for state, beside in (("quiet", 0), ("busy", cores)):
        with others(beside):
            measured[state] = {name: [] for name in WAYS}
            for _ in range(options.rounds):
                for name, way in WAYS.items():
                    measured[state][name].append(round(seconds(way, options.steps, cores), 3))
    medians = {
        state: {name: statistics.median(values) for name, values in ways.items()}
        for state, ways in measured.items()
    }
    from latentclust.hardware import device_name
    from latentclust.runs.run import commit

    figures = {
        "command": shlex.join(["python", *sys.argv]),
        "commit": commit(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "device": device_name("cpu"),
        "cores": cores,
        "load_before": load,
        "python": platform.python_version(),
        "steps": options.steps,
        "medians": medians,
        "seconds": measured,
    }
    print(json.dumps(medians, indent=1))
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
