"""The command line as a newcomer meets it."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from latentclust.runs.overrides import is_changed, with_run_of_checkpoint
from tests.conftest import REPOSITORY, Command

CONF = REPOSITORY / "conf"
GROUPS = {
    folder.name: sorted(
        file.relative_to(folder).with_suffix("").as_posix() for file in folder.rglob("*.yaml")
    )
    for folder in CONF.iterdir()
    if folder.is_dir()
}
GROUPS.pop("hydra")

Process = Callable[..., subprocess.CompletedProcess[str]]


def test_the_help_names_every_group_and_choice(latentclust: Command) -> None:
    page = latentclust("--help").out
    # A group's entry goes on in lines that are indented further.
    groups = re.sub(r"\n {16,}", " ", page[page.index("GROUPS") : page.index("KEYS")]).splitlines()
    for group, choices in GROUPS.items():
        entry = next(line for line in groups if re.search(rf"\b{group}\b", line[:32]))
        for choice in choices:
            assert re.search(rf"(?<![\w/]){choice}\b", entry), (group, choice)
    assert max(map(len, page.splitlines())) <= 90


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--help"], "USAGE"),
        (["--version"], "latentclust 0.1.0"),
        (["seed=abc"], "seed is 'abc'"),
        (["-m", "model=ae,vae,vade", "model.refit_at=[]"], "model=ae has no model.refit_at; model=vade has"),
    ],
)
def test_what_runs_nothing_imports_nothing_heavy_and_leaves_no_folder(
    tmp_path: Path, arguments: list[str], said: str
) -> None:
    code = (
        f"import sys; sys.argv = ['latentclust', *{arguments}]\n"
        "from latentclust.__main__ import main\n"
        "status = 0\n"
        "try: main()\n"
        "except SystemExit as stop: status = stop.code\n"
        "heavy = {'torch', 'lightning', 'sklearn', 'scipy', 'numpy', 'matplotlib'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else status)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        # Commands run in this process have set it for themselves.
        env={name: value for name, value in os.environ.items() if name != "HYDRA_FULL_ERROR"},
    )
    assert said in done.stdout + done.stderr
    assert done.returncode == (0 if arguments[0].startswith("--") else 2), done.stderr
    assert not list(tmp_path.iterdir())


def test_tab_completion(tmp_path: Path) -> None:
    def complete(line: str) -> list[str]:
        script = Path(sys.executable).parent / "latentclust"
        environment = os.environ | {"COMP_LINE": line, "COMP_POINT": str(len(line))}
        command = [str(script), "-sc", "query=bash"]
        done = subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60
        )
        return done.stdout.split()

    assert complete("latentclust model=") == [
        f"model={name}" for name in ("ae", "dec", "gmm", "idec", "kmeans", "spectral", "vade", "vae")
    ]
    assert complete("latentclust trainer.max_e") == ["trainer.max_epochs="]


@pytest.mark.long
def test_both_entry_points_run(process: Process, tmp_path: Path) -> None:
    arguments = ["--config-dir", str(REPOSITORY / "tests/conf"), "experiment=tiny_ae", "trainer.max_epochs=1"]
    done = process(*arguments)
    assert done.returncode == 0, done.stderr
    assert "GMM on AE latents" in done.stdout
    assert len(list(tmp_path.glob("outputs/*/*/summary.json"))) == 1
    failed = process("trainer.max_epoch=1")
    assert (failed.returncode, failed.stdout) == (2, "")
    traced = process("trainer.max_epoch=1", HYDRA_FULL_ERROR="1")
    assert "Traceback" in traced.stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["model=ae"], ["model=ae"]),
        (["ckpt_path=null", "model=ae"], ["ckpt_path=null", "model=ae"]),
    ],
)
def test_without_a_checkpoint_the_arguments_stay(arguments: list[str], expected: list[str]) -> None:
    assert with_run_of_checkpoint(arguments, lambda text: None) == expected


def test_the_runs_own_overrides_come_along_and_the_new_ones_win(latentclust: Command) -> None:
    latentclust("experiment=tiny_ae", "trainer.max_epochs=1", "seed=7")
    continued = latentclust("ckpt_path=last", "trainer.max_epochs=2")
    assert continued.summary["model"] == "AE"
    assert continued.summary["seed"] == 7
    assert continued.summary["config"]["trainer"]["max_epochs"] == 2
    assert "experiment=tiny_ae seed=7 " in continued.summary["command"]
    assert continued.summary["command"].endswith(" trainer.max_epochs=2")


@pytest.mark.parametrize(
    ("saved", "changed", "expected"),
    [
        ("trainer.accelerator=cpu", ["accelerator"], True),
        ("trainer.max_epochs=3", ["accelerator"], False),
        ("model.gamma=exact", ["model"], True),
        ("model=vade", ["model.gamma"], False),
        ("+n_clusters=5", ["n_clusters"], True),
        ("seed=1", ["seeds"], False),
    ],
)
def test_what_a_new_override_takes_the_place_of(saved: str, changed: list[str], expected: bool) -> None:
    assert is_changed(saved, changed) is expected
