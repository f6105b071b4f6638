"""The numbers that README shows are those of the committed result file."""

import importlib.util
import json
import statistics
from types import ModuleType

import pytest

from tests.conftest import REPOSITORY


@pytest.fixture(scope="module")
def collect() -> ModuleType:
    spec = importlib.util.spec_from_file_location("collect", REPOSITORY / "benchmarks/collect.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_readme_shows_the_result_file(collect: ModuleType) -> None:
    readme = collect.README.read_text()
    runs = json.loads(collect.RESULTS.read_text())["runs"]
    assert collect.MARKS[0] in readme
    assert readme == collect.with_table(readme, collect.markdown(runs))


def test_every_run_says_where_it_comes_from(collect: ModuleType) -> None:
    for run in json.loads(collect.RESULTS.read_text())["runs"]:
        assert all(run[key] for key in ("command", "commit", "date", "device", "versions"))
        assert f"seed={run['seed']}" in run["command"] or run["seed"] == 0


def test_the_table_is_arithmetic_on_the_runs(collect: ModuleType) -> None:
    runs = json.loads(collect.RESULTS.read_text())["runs"]
    acc = [
        100 * result["pool"]["acc"]
        for run in runs
        for result in run["results"]
        if run["data"] == "mnist" and result["method"] == "VaDE"
    ]
    row = next(row for row in collect.rows(runs) if row[:2] == ["mnist", "VaDE"])
    assert row[2:6] == [
        str(len(acc)),
        f"{statistics.mean(acc):.1f} ± {statistics.stdev(acc):.1f}",
        f"{min(acc):.1f}",
        f"{max(acc):.1f}",
    ]
