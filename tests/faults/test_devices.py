"""Two processes that train together end together, and what they had is kept."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from latentclust.hardware import cores
from tests.conftest import TINY_CONF, Command
from tests.faults.harness import TIMEOUT, one_line

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(cores() < 2 or os.name != "posix", reason="needs two cores and signals"),
]
COMMAND = [f"--config-dir={TINY_CONF}", "experiment=tiny_guided", "trainer=ddp", "trainer.max_epochs=10000"]


def training(folder: Path) -> tuple[subprocess.Popen[str], psutil.Process]:
    """Start a run in a session of its own; return it and the other process when the second stage trains."""
    environment = {name: value for name, value in os.environ.items() if name != "HYDRA_FULL_ERROR"}
    # Tests that a shell runs in the background ignore Ctrl-C, and what they start would ignore it too.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    run = subprocess.Popen(
        [sys.executable, "-m", "latentclust", *COMMAND],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    signal.signal(signal.SIGINT, before)
    assert run.stdout is not None
    next(line for line in run.stdout if line.startswith("train epoch     3/"))
    (other,) = (
        child for child in psutil.Process(run.pid).children() if "spawn_main" in " ".join(child.cmdline())
    )
    return run, other


def group(number: int) -> Callable[[subprocess.Popen[str], psutil.Process], None]:
    return lambda run, other: os.killpg(run.pid, number)


def first(number: int) -> Callable[[subprocess.Popen[str], psutil.Process], None]:
    return lambda run, other: os.kill(run.pid, number)


@pytest.mark.parametrize(
    ("end", "status", "said"),
    [
        (group(signal.SIGINT), 130, "stopped; continue with: python -m latentclust ckpt_path="),
        (group(signal.SIGTERM), 143, "stopped; continue with: python -m latentclust ckpt_path="),
        (first(signal.SIGTERM), 143, "stopped; continue with: python -m latentclust ckpt_path="),
        (first(signal.SIGKILL), -9, None),
        (lambda run, other: other.kill(), 2, "process 2 of 2 has ended with status -9"),
    ],
    ids=["Ctrl-C", "terminate-all", "terminate-first", "kill-first", "kill-other"],
)
def test_both_end_and_the_run_goes_on(
    latentclust: Command,
    tmp_path: Path,
    end: Callable[[subprocess.Popen[str], psutil.Process], None],
    status: int,
    said: str | None,
) -> None:
    run, other = training(tmp_path)
    end(run, other)
    _, err = run.communicate(timeout=TIMEOUT)
    assert run.returncode == status
    if said is not None:
        assert said in one_line(err)
    clock = time.monotonic()
    while other.is_running() and other.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() - clock < TIMEOUT
        time.sleep(0.05)
    # One device may go on, here for one epoch.
    outcome = latentclust("ckpt_path=last", "trainer.devices=1", "trainer.max_time=00:00:00:00")
    assert outcome.status == 0, outcome.err
    assert "trainer.max_time was over after epoch" in outcome.out
