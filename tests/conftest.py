import json
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import settings
from numpy.typing import NDArray

from latentclust import cli

# A loaded machine must not fail a test, and a failure must come back on the next run.
settings.register_profile("latentclust", deadline=None, derandomize=True)
settings.load_profile("latentclust")

REPOSITORY = Path(__file__).parents[1]
TINY_CONF = REPOSITORY / "tests" / "conf"

# All figures, at the end and of the second epoch, from as little as shows that they are there.
DRAWN = (
    "figures.at_end=true",
    "figures.every_n_epochs=2",
    "figures.embedding.max_iter=250",
    "figures.embedding.size=60",
    "figures.plane.n=4",
)


@dataclass
class Outcome:
    """How a command ended."""

    status: int
    out: str
    err: str
    folder: Path | None
    """The newest run's folder."""

    @property
    def summary(self) -> dict[str, Any]:
        assert self.folder is not None
        return json.loads((self.folder / "summary.json").read_text())

    def weights(self, file: str = "checkpoints/last.ckpt") -> dict[str, torch.Tensor]:
        assert self.folder is not None
        return torch.load(self.folder / file, weights_only=True)["state_dict"]


Command = Callable[..., Outcome]

FAULTS = Path(__file__).parent / "faults"


def arrays_of(path: Path) -> dict[str, NDArray[Any]]:
    """Read all arrays of an ``.npz`` file, and close it."""
    with np.load(path) as arrays:
        return dict(arrays)


def first_of(first: Any, *others: Any) -> list[Any]:
    """Values of a parameter, or tuples of several: the first for every day, the others for `long` tests."""
    tuples = [value if isinstance(value, tuple) else (value,) for value in others]
    return [first, *(pytest.param(*values, marks=pytest.mark.long) for values in tuples)]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run the tests marked `long`, and no others")
    parser.addoption("--faults", action="store_true", help="run tests/faults and all tests marked `faults`")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is marked `long` or `faults`, unless it is asked for; then leave out all else.

    A test that was named on the command line, as in ``pytest tests/test_x.py::test_y``, is run in any case.
    """
    named = [argument for argument in config.args if "::" in argument]

    def is_chosen(item: pytest.Item) -> bool:
        long, faults = (item.get_closest_marker(name) is not None for name in ("long", "faults"))
        if config.getoption("--faults"):
            return faults or FAULTS in item.path.parents
        if config.getoption("--long"):
            return long and not faults
        return not (long or faults) or bool(named)

    config.hook.pytest_deselected(items=[item for item in items if not is_chosen(item)])
    items[:] = [item for item in items if is_chosen(item)]


@pytest.fixture
def command_line(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., Outcome]]:
    """Run the command line in this process and in a given folder."""
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    root = logging.getLogger()
    before = list(root.handlers)

    def run(folder: Path, *arguments: str) -> Outcome:
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "argv", ["latentclust", "--config-dir", str(TINY_CONF), *arguments])
        capfd.readouterr()
        status = 0
        try:
            cli.main()
        except SystemExit as stop:
            status = int(stop.code or 0)
        captured = capfd.readouterr()
        runs = sorted(folder.glob("outputs/**/.hydra"), key=lambda path: path.stat().st_mtime)
        return Outcome(status, captured.out, captured.err, runs[-1].parent if runs else None)

    yield run
    for handler in [handler for handler in root.handlers if handler not in before]:
        root.removeHandler(handler)
        with suppress(OSError):  # of a log on a full disk
            handler.close()


@pytest.fixture
def latentclust(command_line: Callable[..., Outcome], tmp_path: Path) -> Command:
    """Run the command line in this process, its runs under ``tmp_path/outputs``."""
    return partial(command_line, tmp_path)


@pytest.fixture(scope="session")
def library() -> dict[tuple[str, ...], tuple[Path, Outcome]]:
    """The runs of ``trained``, each with the folder that it was started in."""
    return {}


@pytest.fixture
def trained(
    command_line: Callable[..., Outcome],
    library: dict[tuple[str, ...], tuple[Path, Outcome]],
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Command:
    """Train as ``latentclust`` does, but once in a session for each command: what comes back is a copy.

    For tests of what can be done with a run. Its cache comes along, so that ``ckpt_path=last`` and an equal
    pretraining find what they would find after the run itself.
    """

    def run(*arguments: str) -> Outcome:
        if arguments not in library:
            place = tmp_path_factory.mktemp("library")
            library[arguments] = place, command_line(place, *arguments)
        place, outcome = library[arguments]
        assert outcome.status == 0, outcome.err
        assert outcome.folder is not None
        shutil.copytree(place / "outputs", tmp_path / "outputs", dirs_exist_ok=True)
        return replace(outcome, folder=tmp_path / outcome.folder.relative_to(place))

    return run


@pytest.fixture
def process(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command line as a process of its own."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "latentclust", *arguments]
        # Commands run in this process have set it for themselves.
        inherited = {name: value for name, value in os.environ.items() if name != "HYDRA_FULL_ERROR"}
        return subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, timeout=120, env=inherited | environment
        )

    return run


def same_weights(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    """Whether two state dicts are equal to the last bit."""
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)
