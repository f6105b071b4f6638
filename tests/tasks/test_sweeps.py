"""A sweep ends with one table, survives what happens to it, and trains nothing twice."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from latentclust.models import AE, LatentModel
from latentclust.runs.jobs import Job, State, Sweep, keep_state
from latentclust.runs.launching import how_to_finish, to_launch
from tests.conftest import TINY_CONF, Command, Outcome, same_weights

SMALL = ("experiment=tiny_ae", "trainer.max_epochs=2")


def interrupt(patch: pytest.MonkeyPatch, at_step: int, model: type[LatentModel] = AE) -> None:
    """Press Ctrl-C at that training step."""
    step, steps = model.training_step, iter(range(1_000_000))

    def interrupted(self: LatentModel, *batch: Any) -> Any:
        if next(steps) == at_step:
            raise KeyboardInterrupt
        return step(self, *batch)

    patch.setattr(model, "training_step", interrupted)


def times(folder: Path) -> dict[str, int]:
    """When each file of finished jobs was written."""
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def lines_of(outcome: Outcome) -> list[str]:
    return [line for line in outcome.out.splitlines() if line.startswith("Job ")]


@pytest.mark.long
def test_a_sweep_that_is_stopped_is_finished_by_the_command_that_it_names(
    latentclust: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    whole = latentclust("-m", *SMALL, "seed=0,1", "sweep.name=whole")
    assert whole.status == 0, whole.err
    assert "By seed, on digits. 2 runs: 1 setting, 2 seeds" in whole.out
    assert lines_of(whole)[1].startswith("Job 0 of 2, seed=0: ACC ")
    assert len(lines_of(whole)) == 4
    with monkeypatch.context() as patch:
        interrupt(patch, 16 + 10)  # in the second epoch of the second job
        stopped = latentclust("-m", *SMALL, "seed=0,1", "sweep.name=mine")
    folder = tmp_path / "outputs/multirun/mine"
    assert stopped.status == 130
    said = stopped.err.strip().splitlines()[-1]
    assert said.startswith("latentclust: the sweep is stopped; nothing is lost, finish it with: ")
    command = said.partition("python -m latentclust ")[2].split()
    assert command == ["--config-dir", str(TINY_CONF), "sweep.resume=outputs/multirun/mine"]
    before = times(folder / "0")
    finished = latentclust(command[-1])
    assert finished.status == 0, finished.err
    assert "Sweep of 2 jobs (1 finished, 1 stopped)" in finished.out
    assert times(folder / "0") == before
    assert "ckpt_path" in (folder / "1/.hydra/overrides.yaml").read_text()
    never_stopped, went_on = (Outcome(0, "", "", folder.parent / name / "1") for name in ("whole", "mine"))
    assert same_weights(never_stopped.weights(), went_on.weights())
    assert went_on.summary["results"] == never_stopped.summary["results"]
    assert (folder / "sweep.html").is_file()
    again = latentclust("-m", *SMALL, "seed=0,1", "sweep.name=mine")
    assert again.status == 0
    assert lines_of(again) == []
    assert "By seed" in again.out
    more = latentclust("-m", *SMALL, "seed=1,2", "sweep.name=mine")
    assert [line.partition(":")[0] for line in lines_of(more)] == ["Job 2 of 3, seed=2"] * 2
    assert "3 runs: 1 setting, 3 seeds" in more.out


def test_a_failed_job_says_why_and_runs_again(latentclust: Command, tmp_path: Path) -> None:
    command = ("-m", *SMALL, "data.limit=9999,400", "sweep.name=mine")
    outcome = latentclust(*command)
    folder = tmp_path / "outputs/multirun/mine"
    assert outcome.status == 2
    assert "Job 0 of 2, data.limit=9999: failed: limit=9999 is larger" in outcome.err
    assert "Error executing job" not in outcome.err
    last = outcome.err.strip().splitlines()[-1]
    assert "1 of 2 jobs have no result; run what is missing with: python -m latentclust" in last
    assert "limit=9999 is larger" in (folder / "0/latentclust.log").read_text()
    assert "limit=9999 is larger" in (folder / "sweep.html").read_text()
    assert json.loads((folder / "0/job.json").read_text())["status"] == "failed"
    before = times(folder / "1")
    again = latentclust("sweep.resume=outputs/multirun/mine")
    assert again.status == 2
    assert [line.split(",")[0] for line in lines_of(again)] == ["Job 0 of 2"]
    assert times(folder / "1") == before


def test_a_bug_in_a_job_does_not_stop_the_others(
    latentclust: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    step = AE.training_step

    def broken(self: AE, *batch: Any) -> Any:
        if self.hparams["latent_dim"] == 3:
            raise RuntimeError("no such\nkernel")
        return step(self, *batch)

    monkeypatch.setattr(AE, "training_step", broken)
    outcome = latentclust("-m", *SMALL, "model.latent_dim=3,4", "sweep.name=mine")
    assert outcome.status == 2
    assert "model.latent_dim=3: failed: RuntimeError: no such kernel" in outcome.err
    assert "Traceback" not in outcome.err
    assert "Traceback" in (tmp_path / "outputs/multirun/mine/0/latentclust.log").read_text()
    assert "Job 1 of 2, model.latent_dim=4: ACC" in outcome.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["sweep.name=first", "experiment=tiny_ae"], "sweep.name is for a sweep: add -m"),
        (["-m", "sweep.name=../x", "seed=0,1"], "sweep.name is '../x'"),
        (["sweep.resume=nowhere"], "there is no sweep in 'nowhere'"),
        (["sweep.resume=known", "seed=3"], "leave out seed=3"),
        (["sweep.resume=strange"], "'hydra.sweep.dir=/', which is not taken from a file"),
        (["sweep.resume=broken"], "cannot be read"),
    ],
)
def test_mistakes_are_one_line(latentclust: Command, tmp_path: Path, arguments: list[str], said: str) -> None:
    for name, override in (("known", "seed=1"), ("strange", "hydra.sweep.dir=/"), ("broken", "seed=1")):
        (tmp_path / name).mkdir()
        Sweep([Job(0, [override], "")]).write(tmp_path / name)
    (tmp_path / "broken/sweep.json").write_text("{")
    outcome = latentclust(*arguments)
    assert outcome.status == 2
    assert said in outcome.err
    assert outcome.err.count("\n") == 1
    assert outcome.folder is None


def test_one_process_runs_a_sweep(latentclust: Command, tmp_path: Path) -> None:
    folder = tmp_path / "outputs/multirun/mine"
    folder.mkdir(parents=True)
    with FileLock(folder / ".lock"):
        outcome = latentclust("-m", *SMALL, "seed=0,1", "sweep.name=mine")
    assert outcome.status == 2
    assert "another process runs the sweep" in outcome.err
    assert not (folder / "sweep.json").exists()


def test_equal_jobs_keep_their_number(tmp_path: Path) -> None:
    first = to_launch(tmp_path, [["model=ae", "seed=0"], ["model=ae", "seed=1"]], ["launcher=joblib"])
    assert first == [
        ["model=ae", "seed=0", "launcher=joblib", "hydra.sweep.subdir='0'"],
        ["model=ae", "seed=1", "launcher=joblib", "hydra.sweep.subdir='1'"],
    ]
    (tmp_path / "1").mkdir()
    keep_state(tmp_path / "1", State("finished"))
    second = to_launch(tmp_path, [["seed=2", "model=ae"], ["seed=1", "model=ae"], ["seed=0", "model=ae"]], [])
    assert [job[-1][-2] for job in second] == ["2", "0"]
    assert [job.label for job in Sweep.read(tmp_path).jobs] == ["seed=0", "seed=1", "seed=2"]
    assert [job[-1][-2] for job in to_launch(tmp_path, [], [])] == ["0", "2"]


def test_a_failed_job_begins_anew_unless_something_outside_was_to_blame(tmp_path: Path) -> None:
    for number, goes_on in (("0", False), ("1", True)):
        (tmp_path / number / "checkpoints").mkdir(parents=True)
        (tmp_path / number / "checkpoints/last.ckpt").write_text("damaged")
        keep_state(tmp_path / number, State("failed", "why", goes_on))
    to_launch(tmp_path, [["seed=0"], ["seed=1"]], [])
    assert [(tmp_path / n / "checkpoints").exists() for n in "01"] == [False, True]


def test_the_command_that_finishes_takes_along_what_no_file_may_say(tmp_path: Path) -> None:
    arguments = ["--config-dir", "my conf", "-m", "seed=0,1", "hydra/launcher=joblib", "sweep.name=x"]
    assert how_to_finish(tmp_path, arguments, arguments[3:]) is None
    to_launch(tmp_path, [["seed=0"]], [])
    assert how_to_finish(tmp_path, arguments, arguments[3:]) == (
        f"python -m latentclust --config-dir 'my conf' sweep.resume={tmp_path} hydra/launcher=joblib"
    )


@pytest.mark.faults
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")
def test_a_sweep_that_is_killed_is_finished_by_the_same_command(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "latentclust", "-m", "--config-dir", str(TINY_CONF), "sweep.name=mine"]
    command += ["experiment=tiny_vade", "seed=0,1,2", "trainer.max_epochs=30"]
    environment = {name: value for name, value in os.environ.items() if name != "HYDRA_FULL_ERROR"}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=tmp_path, stdout=pipe, text=True, env=environment) as process:
        assert process.stdout is not None
        begun = False
        for line in process.stdout:
            begun = begun or line.startswith("Job 1 of 3, seed=1: begun")
            if begun and "train epoch  3/30" in line:
                process.kill()
                break
    folder = tmp_path / "outputs/multirun/mine"
    before = times(folder / "0")
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "Sweep of 3 jobs (1 finished, 1 stopped)" in done.stdout
    assert times(folder / "0") == before
    assert "ckpt_path" in (folder / "1/.hydra/overrides.yaml").read_text()
