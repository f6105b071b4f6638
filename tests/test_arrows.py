"""The rooms of the house know only those below them."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "latentclust"

# From the door to the ground: a room may import those below it.
HOUSE = [
    "__main__",
    "cli",
    "running",
    "searching",
    "door",
    "vetting",
    "sweeping",
    "compose",
    "explain",
    "tasks",
    "estimator",
    "engine",
    "runs",
    "gallery",
    "training",
    "models",
    "evaluation",
    "clustering",
    "modules",
    "data",
    "figures",
    "settings",
    "registry",
    "terminal",
    "hardware",
    "allocator",
    "numba_cache",
    "atomic",
    "signals",
    "processes",
    "progress",
    "limits",
    "steps",
    "errors",
]
LIGHTNING_ROOMS = {"estimator", "engine", "runs", "gallery", "training", "models", "data", "hardware"}
HYDRA_ROOMS = {"cli", "running", "searching", "door", "vetting", "sweeping", "compose", "explain"}
# What data and figures must not know, although it lies below them.
NOT_BELOW = {"data": {"figures", "settings"}, "figures": {"settings"}}
OUTSIDE = {"lightning": "LIGHTNING", "hydra": "HYDRA", "omegaconf": "HYDRA"}


def allowed(room: str) -> set[str]:
    """What a room may import: rooms below it, and Lightning or Hydra where they belong."""
    below = set(HOUSE[HOUSE.index(room) :]) - NOT_BELOW.get(room, set())
    outside = {"LIGHTNING"} if room in LIGHTNING_ROOMS else set()
    outside |= {"HYDRA"} if room in HYDRA_ROOMS else set()
    return below | outside


def room_of(path: Path) -> str:
    return path.relative_to(SOURCE).with_suffix("").parts[0]


def imports(source: str) -> set[str]:
    """The rooms and restricted packages that a module's imports name, wherever in it they stand."""
    names = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "latentclust":
            names += [f"latentclust.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names.append(node.module or "")
    rooms = {name.split(".")[1] for name in names if name.startswith("latentclust.")} - {"__version__"}
    return rooms | {OUTSIDE[name.split(".")[0]] for name in names if name.split(".")[0] in OUTSIDE}


FILES = [path for path in sorted(SOURCE.rglob("*.py")) if path.parent != SOURCE or path.stem != "__init__"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_room_knows_only_the_rooms_below(path: Path) -> None:
    room = room_of(path)
    assert room in HOUSE, f"{room} is a new room: give it a place in HOUSE"
    assert imports(path.read_text()) - {"__init__"} <= allowed(room)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("from latentclust.models import AE", {"models"}),
        ("from latentclust import figures", {"figures"}),
        ("def f():\n    import hydra.utils", {"HYDRA"}),
        ("import lightning as L", {"LIGHTNING"}),
    ],
)
def test_the_check_itself_sees_each_kind_of_import(source: str, expected: set[str]) -> None:
    assert imports(source) == expected
