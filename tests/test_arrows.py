"""The rooms of the house know only those below them."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "latentclust"

# What the modules of a room may import: rooms of this package, and of the others these alone are restricted.
ROOMS = {
    "atomic": set(),
    "signals": set(),
    "networks": set(),
    "mixture": set(),
    "objectives": {"mixture", "networks"},
    "schedules": set(),
    "points": set(),
    "partitions": set(),
    "terminal": set(),
    "hardware": {"LIGHTNING"},
    "numba_cache": set(),
    "initialization": {"mixture", "numba_cache"},
    "evaluation": {"initialization", "mixture"},
    "data": {"LIGHTNING"},
    "inference": {"data"},
    "figures": {"atomic", "numba_cache"},
    "models": {"mixture", "networks", "objectives", "schedules", "LIGHTNING"},
    "callbacks": {
        "data",
        "evaluation",
        "inference",
        "initialization",
        "models",
        "objectives",
        "signals",
        "terminal",
        "LIGHTNING",
    },
    "runs": {"atomic", "callbacks", "data", "models", "signals", "LIGHTNING"},
    "vetting": {"runs", "HYDRA"},
    "settings": set(),
    "explain": {"atomic", "settings", "HYDRA"},
    "compose": {"settings", "HYDRA"},
    "door": {"compose", "explain", "settings", "HYDRA"},
    "cli": {"compose", "door", "explain", "runs", "settings", "signals", "tasks", "vetting", "HYDRA"},
    "__main__": {"cli"},
}
EVERYWHERE = {"errors", "progress", "__init__"}
OUTSIDE = {"lightning": "LIGHTNING", "hydra": "HYDRA", "omegaconf": "HYDRA"}


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


FILES = [path for path in sorted(SOURCE.rglob("*.py")) if room_of(path) not in {"tasks", *EVERYWHERE}]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_room_knows_only_the_rooms_below(path: Path) -> None:
    room = room_of(path)
    assert room in ROOMS, f"{room} is a new room: give it a line in ROOMS"
    assert imports(path.read_text()) <= ROOMS[room] | {room} | EVERYWHERE


@pytest.mark.parametrize("path", sorted((SOURCE / "tasks").rglob("*.py")), ids=lambda path: path.name)
def test_tasks_do_not_know_the_command_line(path: Path) -> None:
    assert not imports(path.read_text()) & {"cli", "explain"}


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
