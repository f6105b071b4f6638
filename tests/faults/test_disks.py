"""Disks that are full, and folders that cannot be written."""

import errno
import json
import os
import subprocess
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import TINY_CONF, Command
from tests.faults.harness import forks, in_child, one_line, small_disk

Process = Callable[..., subprocess.CompletedProcess[str]]

TINY = ["experiment=tiny_ae", "trainer.max_epochs=1"]


def check_whole(folder: Path) -> None:
    """Check that no file of ours was cut off, and none left unfinished."""
    assert not list(folder.rglob("*.unfinished"))
    for path in folder.rglob("*"):
        if path.suffix in {".ckpt", ".npz"}:
            with zipfile.ZipFile(path) as archive:
                assert archive.testzip() is None
        elif path.suffix == ".json":
            json.loads(path.read_text())
        elif path.suffix == ".png":
            assert path.read_bytes().endswith(b"IEND\xaeB`\x82")


@pytest.mark.parametrize("name", ["last.ckpt", "best.ckpt", "summary.json"])
def test_a_full_disk_is_named_with_what_to_do(
    latentclust: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    fsync = os.fsync

    def full(descriptor: int) -> None:
        if f"/.{name}." in str(Path(f"/proc/self/fd/{descriptor}").readlink()):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(descriptor)

    if not Path("/proc/self/fd").is_dir():
        pytest.skip("needs /proc")
    monkeypatch.setattr(os, "fsync", full)
    outcome = latentclust(*TINY)
    assert outcome.status == 2
    line = one_line(outcome.err)
    assert f"/{name}'" in line
    assert "free space there, or choose another output_dir" in line
    check_whole(tmp_path / "outputs")


@forks
@pytest.mark.faults
def test_a_disk_that_fills_up_at_any_time(latentclust: Command, tmp_path: Path) -> None:
    ends: list[Any] = []
    for kilobytes in (4, 24, 64, 144, 280, 400):
        with small_disk(tmp_path / f"disk{kilobytes}", kilobytes) as disk:
            command = [*TINY, f"output_dir={disk}"]
            # In a child: a log on a full disk cannot be closed without a warning.
            outcome = in_child(tmp_path, partial(latentclust, *command))
            assert outcome.status in {0, 2}, outcome.err
            if outcome.status:
                line = one_line(outcome.err)
                assert str(disk) in line, kilobytes
                assert "free space" in line
            check_whole(disk)
            ends.append(outcome.status)
    assert ends[0] == 2
    assert ends[-1] == 0


@pytest.mark.faults
def test_a_process_on_a_full_disk_ends_in_one_line(process: Process, tmp_path: Path) -> None:
    for kilobytes in (24, 64):
        with small_disk(tmp_path / f"disk{kilobytes}", kilobytes) as disk:
            done = process("--config-dir", str(TINY_CONF), *TINY, f"output_dir={disk}")
            assert done.returncode == 2
            assert str(disk) in one_line(done.stderr)
            check_whole(disk)


def test_a_folder_that_cannot_be_written(latentclust: Command, tmp_path: Path) -> None:
    if os.name == "posix" and os.geteuid() == 0:  # root may write anywhere but on a disk that is read-only
        with small_disk(tmp_path / "disk", 100, ",ro") as disk:
            outcome = latentclust(*TINY, f"output_dir={disk}")
    else:
        disk = tmp_path / "disk"
        disk.mkdir(mode=0o500)
        outcome = latentclust(*TINY, f"output_dir={disk}")
    assert outcome.status == 2
    line = one_line(outcome.err)
    assert str(disk) in line
    assert "output_dir" in line
