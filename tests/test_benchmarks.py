"""The benchmark runs, on little data, so that it cannot rot."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REPOSITORY


def run(script: str, folder: Path, *arguments: str) -> dict[str, Any]:
    command = [sys.executable, f"benchmarks/{script}.py", "--data", "digits", "--rounds", "1", *arguments]
    done = subprocess.run(
        [*command, "--output", str(folder / "out.json")],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "out.json").read_text())


@pytest.mark.long
def test_the_benchmark_measures_every_contestant(tmp_path: Path) -> None:
    row = run("throughput", tmp_path, "--batch-sizes", "200", "--images", "400")["rows"][0]
    assert {"plain", "latentclust", "floor", "limit"} <= set(row["images_per_second"])
    assert all(speed > 0 for speeds in row["images_per_second"].values() for speed in speeds)


@pytest.mark.faults
def test_resources_are_those_of_whole_runs(tmp_path: Path) -> None:
    figures = run("resources", tmp_path, "--copies", "2")
    assert 0 < figures["help_s"] < figures["start_s"]
    assert 0 < figures["accuracy_share"] < 1
    assert figures["peak_mb"] > 100  # PyTorch alone takes more
    assert [row["images"] for row in figures["growth"]] == [2 * 1797]


@pytest.mark.faults
def test_the_paper_sized_run_counts_all_seeds(tmp_path: Path) -> None:
    command = ["benchmarks/paper_run.py", "--data", "digits", "--pretrain-epochs", "1", "--epochs", "1"]
    done = subprocess.run(
        [sys.executable, *command, "--seeds", "2", "--accelerator", "cpu", "--output", tmp_path / "out.json"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads((tmp_path / "out.json").read_text())
    assert (figures["one"]["seeds"], figures["together"]["seeds"]) == (1, 2)
    assert figures["ratio"] == pytest.approx(
        figures["together"]["seconds"] / figures["one"]["seconds"], abs=0.01
    )
    assert {"pretrain", "init", "train"} <= set(figures["together"]["stages"])


@pytest.mark.long
def test_the_gpu_benchmark_runs_without_one(tmp_path: Path) -> None:
    command = ["benchmarks/gpu.py", "--data", "digits", "--small", "--parts", "numerics", "waits", "graphs"]
    done = subprocess.run(
        [sys.executable, *command, "--output", tmp_path / "out.json"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads((tmp_path / "out.json").read_text())
    kinds = {"ae", "vae", "vade", "dec", "idec"}
    assert set(figures["numerics"]["by default"]) == kinds
    assert set(figures["graphs"]) == kinds | {"took_s"}


@pytest.mark.faults
def test_the_gpu_benchmark_times_whole_runs(tmp_path: Path) -> None:
    command = ["benchmarks/gpu.py", "--data", "digits", "--small", "--parts", "steps", "clustering", "seeds"]
    done = subprocess.run(
        [sys.executable, *command, "--output", tmp_path / "out.json"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads((tmp_path / "out.json").read_text())
    assert figures["seeds"]["seeds"] == 2
    assert figures["steps"]["batch 16, 32-true, eager"] > 0
