"""Break a run at a named moment, in a child of this process: a fork has torch imported already."""

import os
import pickle
import signal
import subprocess
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

TIMEOUT = 120.0  # seconds
# When a process dies while it writes a file.
MOMENTS = ("half", "written", "synced", "moved")

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")


def in_child(folder: Path, work: Callable[[], Any]) -> Any:
    """Return what ``work`` returns in a forked child, or the number of the signal that killed it."""
    answer = folder / "answer.pickle"
    answer.unlink(missing_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking where there are threads
        child = os.fork()
    if child == 0:
        try:
            # Threads of the parent's pool are not there.
            torch.set_num_threads(1)
            signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it
            answer.write_bytes(pickle.dumps(work()))
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    end = time.monotonic() + TIMEOUT
    while (done := os.waitpid(child, os.WNOHANG))[0] == 0:
        if time.monotonic() > end:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            pytest.fail(f"the child did not end in {TIMEOUT:.0f} s")
        time.sleep(0.01)
    code = os.waitstatus_to_exitcode(done[1])
    if code < 0:
        return -code
    assert code == 0, "the child failed; its traceback is in the captured stderr"
    return pickle.loads(answer.read_bytes())


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_while_writing(name: str, moment: str, nth: int = 1) -> None:
    """Have this process killed at a moment of its n-th writing of a file called ``name``."""
    begun: list[Path] = []
    open_file, fsync, replace = Path.open, os.fsync, Path.replace

    def opened(self: Path, mode: str = "r", *arguments: Any, **options: Any) -> Any:
        file = open_file(self, mode, *arguments, **options)
        if mode == "xb" and self.name.startswith(f".{name}."):
            begun.append(self)
            if len(begun) == nth and moment == "half":
                return Half(file)
        return file

    def synced(descriptor: int) -> None:
        if len(begun) == nth and moment == "written":
            die()
        fsync(descriptor)
        if len(begun) == nth and moment == "synced":
            die()

    def replaced(self: Path, target: Path) -> Path:
        moved = replace(self, target)
        if len(begun) == nth and moment == "moved" and Path(target).name == name:
            die()
        return moved

    Path.open, os.fsync, Path.replace = opened, synced, replaced  # type: ignore[method-assign,assignment]


class Half:
    """A file that takes half of what is written first, and then the process dies."""

    def __init__(self, file: Any) -> None:
        self.file = file

    def __enter__(self) -> "Half":
        return self

    def __exit__(self, *error: object) -> None:
        self.file.close()

    def write(self, content: Any) -> None:
        self.file.write(content[: len(content) // 2])
        self.file.flush()
        die()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)


@contextmanager
def small_disk(folder: Path, kilobytes: int, options: str = "") -> Iterator[Path]:
    """Mount a file system of so many KiB; skip the test where that is not allowed."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k{options}", "tmpfs", str(folder)]
    if sys.platform != "linux" or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("mounting a small tmpfs takes Linux and root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def one_line(err: str) -> str:
    """Return what a failed command said, which must be one line of ours."""
    lines = err.strip().splitlines()
    assert len(lines) == 1, err
    assert lines[0].startswith("latentclust: ")
    return lines[0]
