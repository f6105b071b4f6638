"""Every command that the pages show can be typed: it composes and passes the checks before a run."""

import math
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from latentclust import door, hardware, searching, tasks
from latentclust.runs.jobs import Job, Sweep
from latentclust.runs.run import Run
from latentclust.settings import Settings
from latentclust.tasks.evaluate import begin as begin_run
from latentclust.tasks.evaluate import require_trained
from tests.conftest import REPOSITORY, Command, first_of

COMMAND = re.compile(r"python -m latentclust\b(?:[^\S\n]+[^\s`#|]+)*")
# Two spaces or more come before an explanation. What a page leaves open is in capitals or in brackets, or
# asks for a folder of one's own, as test_extensions.py has one.
EXPLANATION, OPEN = re.compile(r"\s{2,}|\s#"), re.compile(r"\[GROUP|KEY=|\.\.\.$|--config-dir")
# A run of the pages has this name; `FOLDER` is one of the help.
A_RUN = re.compile(r"outputs/\d{4}-\d\d-\d\d/\d\d-\d\d-\d\d-\d{6}|FOLDER")

PAGES = [
    REPOSITORY / "README.md",
    *sorted((REPOSITORY / "docs").glob("*.md")),
    REPOSITORY / "conf/hydra/help/latentclust.yaml",
]


def commands_of(page: Path) -> list[str]:
    """Find the commands, in blocks and within sentences, without what stands behind them."""
    found = [EXPLANATION.split(match)[0] for match in COMMAND.findall(page.read_text(encoding="utf-8"))]
    return [command for command in found if not OPEN.search(command)]


def documented_commands() -> list[str]:
    """Every command of README, the pages in docs/ and --help."""
    return sorted({command for page in PAGES for command in commands_of(page)})


COMMANDS = documented_commands()


@pytest.mark.parametrize(
    ("page", "at_least", "one"),
    [
        ("README.md", 15, "python -m latentclust -m experiment=compare model=ae,vae,vade seed=0,1,2"),
        ("lab.md", 9, "python -m latentclust task=generate ckpt_path=last cluster=3 n=64"),
        ("lab.fr.md", 9, "python -m latentclust experiment=lab/exercise3_vade"),
        ("latentclust.yaml", 8, "python -m latentclust task=report run=FOLDER"),
    ],
)
def test_the_pages_have_commands(page: str, at_least: int, one: str) -> None:
    (path,) = [path for path in PAGES if path.name == page]
    assert len(commands_of(path)) >= at_least
    assert one in commands_of(path)


def test_no_line_of_a_page_is_overlooked() -> None:
    """Each mention is a command that is checked, or one of those that leave something open."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        # What torchrun starts takes several machines.
        lines = [line for line in text.splitlines() if not line.startswith("torchrun")]
        for line in (line for line in lines if "-m latentclust" in line):
            assert COMMAND.search(line), line
            for match in COMMAND.findall(line):
                assert EXPLANATION.split(match)[0] in COMMANDS or OPEN.search(match), line


def is_named(words: list[str]) -> bool:
    return any(word.startswith("sweep.") for word in words)


def n_jobs(words: list[str]) -> int:
    """How many runs a command has; the folder that is resumed in these tests has two."""
    if "--help" in words:
        return 0
    if not is_named(words):
        return len(expanded(words))
    return 2 if "-m" not in words else math.prod(word.count(",") + 1 for word in words)


def expanded(words: list[str]) -> list[list[str]]:
    """Split a sweep into runs in which each of its values occurs at least once; not one with a folder."""
    if "-m" not in words or is_named(words):
        return [words]
    options = [word.partition("=")[::2] for word in words if word != "-m"]
    values = {key: value.split(",") for key, value in options}
    n_runs = max(len(choices) for choices in values.values())
    return [
        [f"{key}={choices[run % len(choices)]}" for key, choices in values.items()] for run in range(n_runs)
    ]


Begin = Callable[..., list[Settings]]


@pytest.fixture
def begin(latentclust: Command, trained: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Begin:
    """Run a command up to where its work begins; return the settings of each of its jobs."""
    begun: list[Settings] = []

    def only_begin(settings: Settings, run: Run) -> None:
        if settings.task.name == "report":
            assert settings.run is not None
            assert (Path(settings.run) / "summary.json").is_file()
        elif settings.task.name != "compare":
            begin_run(settings, run)
            if settings.task.name != "fit":
                require_trained(settings.task.name, run)
        begun.append(settings)

    def up_to_its_work(command: str) -> list[Settings]:
        if "ckpt_path" in command or "run=" in command:
            folder = trained("experiment=tiny_vade").folder
            assert folder is not None
            command = A_RUN.sub(str(folder), command)
        if "sweep.resume" in command:
            Sweep([Job(n, [f"seed={n}"], f"seed={n}") for n in (0, 1)]).write(tmp_path / "FOLDER")
        begun.clear()
        with monkeypatch.context() as patch:
            for name in tasks.TASKS:
                patch.setitem(tasks.TASKS, name, only_begin)
            patch.setattr(searching, "search", lambda settings, *rest: begun.append(settings))
            # A machine that has everything.
            patch.setattr(door, "require_places", lambda settings: None)
            patch.setattr(hardware.CUDAAccelerator, "is_available", staticmethod(lambda: True))
            for arguments in expanded(shlex.split(command)[3:]):
                outcome = latentclust(*arguments)
                assert outcome.status == 0, outcome.err
        return list(begun)

    return up_to_its_work


@pytest.mark.parametrize("command", first_of(*COMMANDS))
def test_documented_commands_compose_and_pass_the_checks(begin: Begin, command: str) -> None:
    jobs = begin(command)
    assert len(jobs) == n_jobs(shlex.split(command)[3:])


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("python -m latentclust model.latent_dim=0", "latent_dim"),
        ("python -m latentclust -m model=ae,vead", "vead"),
        ("python -m latentclust task=predict", "needs a trained model"),
        ("python -m latentclust model=ae data=moons", "moons"),
    ],
)
def test_a_command_that_cannot_run_would_be_noticed(begin: Begin, command: str, said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        begin(command)
