"""Which code a run's result is of."""

import subprocess
from pathlib import Path

import pytest

from latentclust.runs.run import commit


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize(
    ("changed", "dirty"),
    [
        ("src/code.py", True),
        ("conf/config.yaml", True),
        ("benchmarks/script.py", True),
        ("docs/results.md", False),  # the tables that benchmarks write between their runs
        ("README.md", False),
        ("benchmarks/results/one.json", False),
        (None, False),
    ],
)
def test_only_what_a_run_depends_on_makes_it_dirty(tmp_path: Path, changed: str | None, dirty: bool) -> None:
    files = ["src/code.py", "conf/config.yaml", "benchmarks/script.py", "benchmarks/results/one.json"]
    for name in [*files, "docs/results.md", "README.md"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("before")
    git(tmp_path, "init")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "all")
    if changed is not None:
        (tmp_path / changed).write_text("after")
    head = git(tmp_path, "rev-parse", "--short=10", "HEAD")
    assert commit(tmp_path) == head + ("-dirty" if dirty else "")


def test_outside_a_checkout_there_is_none(tmp_path: Path) -> None:
    assert commit(tmp_path) is None
