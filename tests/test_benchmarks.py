"""The benchmark runs, on little data, so that it cannot rot."""

import json
import subprocess
import sys
from pathlib import Path

from tests.conftest import REPOSITORY


def test_the_benchmark_measures_every_contestant(tmp_path: Path) -> None:
    command = ["benchmarks/throughput.py", "--data", "digits", "--batch-sizes", "200", "--images", "400"]
    done = subprocess.run(
        [sys.executable, *command, "--rounds", "1", "--output", str(tmp_path / "out.json")],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    row = json.loads((tmp_path / "out.json").read_text())["rows"][0]
    assert set(row["images_per_second"]) == {"plain", "latentclust", "floor", "limit"}
    # Bare products cannot be slower than the training step that they are a part of.
    assert row["images_per_second"]["limit"][0] > row["images_per_second"]["floor"][0]
