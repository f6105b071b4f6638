"""The lab's commands run, and its pages show them and their numbers."""

import importlib
import re
import sys
from statistics import mean, stdev
from types import ModuleType

import pytest

from tests.conftest import REPOSITORY, Command

sys.path.insert(0, str(REPOSITORY / "benchmarks"))
LAB = importlib.import_module("lab")
sys.path.pop(0)

TINY = {
    "part1": ["data.n=200"],
    "dims": ["data.n=200"],
    "exercise": [
        "data=digits",
        "data.limit=300",
        "data.batch_size=50",
        "data.min_images_per_epoch=null",
        "trainer.max_epochs=1",
        "network.widths=[16]",
        "figures.every_n_epochs=0",
        "trainer.enable_progress_bar=false",
    ],
}
COMMANDS = {
    name: (part, command.overrides.split())
    for part, commands in LAB.PARTS.items()
    for name, command in commands.items()
}


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(REPOSITORY / "benchmarks"))
    return LAB


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_lab_runs_on_tiny_data(latentclust: Command, name: str) -> None:
    part, overrides = COMMANDS[name]
    small = [*TINY["exercise" if part.startswith("exercise") else part], "figures.at_end=false"]
    if name == "vade":
        small.append("model.pretrain.max_epochs=1")
    outcome = latentclust(*overrides, *small)
    assert outcome.status == 0, outcome.err
    assert outcome.summary["results"]


@pytest.mark.parametrize("page", ["lab.md", "lab.fr.md"])
def test_the_pages_show_every_experiment_and_the_files_numbers(lab: ModuleType, page: str) -> None:
    text = (REPOSITORY / "docs" / page).read_text()
    fill = importlib.import_module("pages").fill
    for part in lab.PARTS:
        assert f"<!-- lab-{part} -->" in text
        assert text == fill(text, f"lab-{part}", lab.table(part, page))
    assert "<!-- lab-paper -->" in text
    assert text == fill(text, "lab-paper", lab.paper(page))
    for path in (REPOSITORY / "conf/experiment/lab").glob("*.yaml"):
        assert f"experiment=lab/{path.stem}" in text


def test_the_third_exercise_shows_over_ninety_percent(lab: ModuleType) -> None:
    """The main command's table has all committed seeds, and even the worst is above 90 %."""
    accuracy = importlib.import_module("accuracy")
    runs = [one for one in accuracy.load() if (one["recipe"], one["data"]) == ("vade_paper", "mnist")]
    shares = {part: [one["results"][-1][part]["acc"] for one in runs] for part in ("pool", "test")}
    row = [cell.strip() for cell in lab.paper().splitlines()[-1].split("|")[1:-1]]
    assert row[0] == "VaDE"
    assert row[1] == f"{100 * mean(shares['pool']):.1f} ± {100 * stdev(shares['pool']):.1f}"
    assert row[2] == f"{100 * min(shares['pool']):.1f}"
    assert row[5] == f"{100 * mean(shares['test']):.1f}"
    assert min(shares["pool"] + shares["test"]) > 0.9


def test_french_pages_have_french_heads(lab: ModuleType) -> None:
    for part in lab.PARTS:
        assert lab.table(part, "lab.fr.md").startswith("| commande |")
        assert lab.table(part, "lab.fr.md").splitlines()[1:] == lab.table(part).splitlines()[1:]


def test_all_pictures_of_the_pages_are_there() -> None:
    for page in (REPOSITORY / "docs").glob("*.md"):
        for source in re.findall(r'<img src="([^"]+)"', page.read_text()):
            assert (page.parent / source).is_file(), (page.name, source)
