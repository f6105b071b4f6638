"""The memory that is free, of the machine and of a control group."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from latentclust.data import memory


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of a machine with 1,000 bytes free: the folder of its control group, without a file."""
    monkeypatch.setattr(memory, "CONTROL_GROUP", tmp_path)
    monkeypatch.setattr(memory.psutil, "virtual_memory", lambda: SimpleNamespace(available=1000))
    return tmp_path


def write(group: Path, limit: str, current: int, inactive: int) -> None:
    (group / "memory.max").write_text(f"{limit}\n")
    (group / "memory.current").write_text(f"{current}\n")
    stat = f"anon 1\nfile 99\nactive_file 2\ninactive_file {inactive}\nslab 7\n"
    (group / "memory.stat").write_text(stat)


@pytest.mark.parametrize(
    ("limit", "current", "inactive", "free"),
    [
        ("900", 0, 0, 900),
        ("900", 600, 0, 300),
        ("900", 600, 250, 550),  # pages of files that the kernel gives back
        ("900", 950, 0, 0),
        ("5000", 600, 0, 1000),  # the machine has less
        ("max", 600, 0, 1000),
    ],
)
def test_what_a_control_group_uses_is_not_free(
    group: Path, limit: str, current: int, inactive: int, free: int
) -> None:
    write(group, limit, current, inactive)
    assert memory.free_memory() == free


def test_a_limit_alone_is_one(group: Path) -> None:
    (group / "memory.max").write_text("400\n")
    assert memory.free_memory() == 400


def test_without_a_control_group_the_machine_counts(group: Path) -> None:
    assert not list(group.iterdir())
    assert memory.free_memory() == 1000
