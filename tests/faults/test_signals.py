"""Ctrl-C and SIGTERM at any time: one line, the right status, and nothing lost but the epoch at hand."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch

from latentclust.engine import stages
from latentclust.models import AE, VaDE
from latentclust.training.callbacks import MixtureInitialization
from tests.conftest import REPOSITORY, TINY_CONF, Command, Outcome, first_of, same_weights
from tests.faults.harness import forks, in_child, one_line

# The modules: the package gives their names to the tasks themselves.
fit_task, evaluate_task = (import_module(f"latentclust.tasks.{name}") for name in ("fit", "evaluate"))
SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143)]
RARELY = "callbacks.checkpoint.seconds_apart=1000"
TINY = ["experiment=tiny_vade", "model.optimizer.schedule=constant", "model.pretrain.cache=false", RARELY]


def send(number: int, when: int = 1) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Have a function send this process a signal at its call of that number, and then go on."""

    def wrap(function: Callable[..., Any]) -> Callable[..., Any]:
        calls: list[int] = []

        def sending(*arguments: Any, **options: Any) -> Any:
            calls.append(1)
            if len(calls) == when:
                os.kill(os.getpid(), number)
            return function(*arguments, **options)

        return sending

    return wrap


# Where a signal comes, by the stage's name: an object, its function, and the call.
PLACES: dict[str, tuple[Any, str, int]] = {
    "data": (fit_task, "build_data", 1),
    "pretrain": (AE, "training_step", 12),
    "init": (MixtureInitialization, "fit", 1),
    "train": (VaDE, "training_step", 20),
    "evaluate": (stages, "measure", 1),
    "show": (stages, "show", 1),
}


def stopped(latentclust: Command, tmp_path: Path, place: tuple[Any, str, int], number: int) -> Outcome:
    owner, name, when = place

    def work() -> Outcome:
        setattr(owner, name, send(number, when)(getattr(owner, name)))
        return latentclust(*TINY, "figures.at_end=true")

    outcome = in_child(tmp_path, work)
    assert isinstance(outcome, Outcome), f"killed by signal {outcome}"
    return outcome


@forks
@pytest.mark.parametrize("stage", first_of("train", *(place for place in PLACES if place != "train")))
def test_a_signal_in_each_stage_ends_in_one_line_that_says_how_to_go_on(
    latentclust: Command, tmp_path: Path, stage: str
) -> None:
    for number, status in SIGNALS if stage == "train" else SIGNALS[1:]:
        outcome = stopped(latentclust, tmp_path, PLACES[stage], number)
        assert outcome.status == status
        line = one_line(outcome.err)
        if stage == "data":
            assert "start again with: python -m latentclust" in line
            continue
        advice = re.search(r"continue with: python -m latentclust ckpt_path=(\S+)$", line)
        assert advice
        path = Path(advice.group(1))
        assert path.parents[1].name == ("pretrain" if stage in {"pretrain", "init"} else path.parents[1].name)
        done = {"pretrain": 8, "init": 16, "train": 16, "evaluate": 24, "show": 24}[stage]
        assert torch.load(path, weights_only=True)["global_step"] == done  # of 8 steps an epoch


@forks
@pytest.mark.faults
@pytest.mark.parametrize("stage", ["pretrain", "init", "train", "evaluate"])
def test_a_run_that_was_stopped_by_a_signal_ends_like_one_never_stopped(
    latentclust: Command, tmp_path: Path, stage: str
) -> None:
    never_stopped = latentclust(*TINY).weights()
    stopped(latentclust, tmp_path, PLACES[stage], signal.SIGTERM)
    continued = latentclust("ckpt_path=last", "figures.at_end=false")
    assert continued.status == 0, continued.err
    assert same_weights(never_stopped, continued.weights())


@forks
def test_the_epochs_that_were_not_written_yet_are_written_at_the_signal(
    latentclust: Command, tmp_path: Path
) -> None:
    command = ["experiment=tiny_ae", "model.optimizer.schedule=constant", RARELY]
    never_stopped = latentclust(*command).weights()

    def work() -> Outcome:
        AE.training_step = send(signal.SIGTERM, 21)(AE.training_step)  # type: ignore[method-assign]
        return latentclust(*command)

    outcome = in_child(tmp_path, work)
    assert outcome.status == 143
    assert torch.load(outcome.folder / "checkpoints/last.ckpt", weights_only=True)["global_step"] == 16
    continued = latentclust("ckpt_path=last")
    assert same_weights(never_stopped, continued.weights())


@forks
def test_a_signal_outside_a_training_ends_in_one_line(latentclust: Command, tmp_path: Path) -> None:
    latentclust("experiment=tiny_ae", "trainer.max_epochs=1")

    def work() -> Outcome:
        evaluate_task.measure = send(signal.SIGTERM)(evaluate_task.measure)
        return latentclust("task=evaluate", "ckpt_path=last")

    outcome = in_child(tmp_path, work)
    assert outcome.status == 143
    assert "start again with: python -m latentclust" in one_line(outcome.err)


@forks
def test_a_signal_stops_a_sweep(latentclust: Command, tmp_path: Path) -> None:
    def work() -> Outcome:
        AE.training_step = send(signal.SIGTERM, 4)(AE.training_step)  # type: ignore[method-assign]
        return latentclust("-m", "experiment=tiny_ae", "seed=0,1", "trainer.max_epochs=1")

    assert in_child(tmp_path, work).status == 143
    assert not list(tmp_path.glob("outputs/multirun/*/*/1"))


@pytest.mark.faults
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize(("number", "status"), SIGNALS)
def test_a_process_ends_within_seconds_of_a_signal(tmp_path: Path, number: int, status: int) -> None:
    command = [sys.executable, "-m", "latentclust", "--config-dir", str(TINY_CONF), "experiment=tiny_ae"]
    with subprocess.Popen(
        [*command, "trainer.max_epochs=100000", RARELY],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if name != "HYDRA_FULL_ERROR"},
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        while not list(tmp_path.glob("outputs/*/*/checkpoints/last.ckpt")):
            assert process.poll() is None
            time.sleep(0.1)
        time.sleep(3)
        sent = time.time()
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    assert process.returncode == status, err
    assert "continue with: " in one_line(err)
    (path,) = tmp_path.glob("outputs/*/*/checkpoints/last.ckpt")
    assert sent - 0.1 < path.stat().st_mtime < sent + 5
    assert torch.load(path, weights_only=True)["global_step"] >= 8
    assert REPOSITORY not in path.parents
