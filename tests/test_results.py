"""The numbers that pages show are those of the committed result files."""

import csv
import importlib
import json
import re
import shlex
import statistics
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from scipy.stats import sem

from latentclust.compose import without_hydra
from latentclust.runs.records import leaves
from latentclust.settings import check_settings
from latentclust.settings.resolve import resolve
from tests.conftest import REPOSITORY, Command

RESULT_FILES = sorted((REPOSITORY / "benchmarks/results").rglob("*.json"))


@pytest.fixture(autouse=True)
def scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(REPOSITORY / "benchmarks"))


@pytest.fixture
def collect() -> ModuleType:
    return importlib.import_module("collect")


def test_the_page_shows_the_result_file(collect: ModuleType) -> None:
    page = collect.PAGE.read_text()
    runs = json.loads(collect.RESULTS.read_text())["runs"]
    assert collect.MARKS[0] in page
    assert page == collect.with_table(page, collect.markdown(runs))


def committed_runs() -> list[dict[str, Any]]:
    """The summary of every committed run of latentclust's own command line."""
    files = sorted((REPOSITORY / "benchmarks/results").rglob("*.json"))
    found = []
    for content in (json.loads(path.read_text()) for path in files):
        runs = content if isinstance(content, list) else content.get("runs", [content])
        found += [run for run in runs if "python -m latentclust" in run.get("command", "")]
    return found


def test_every_run_says_where_it_comes_from() -> None:
    runs = committed_runs()
    assert len(runs) > 100
    with initialize_config_dir(str(REPOSITORY / "conf"), version_base="1.3"):
        default = compose("config").seed
    for run in runs:
        assert all(run[key] for key in ("command", "commit", "date", "device", "versions"))
        given = [word for word in shlex.split(run["command"]) if word.startswith("seed=")]
        # A command without a seed is of the one that conf/ gives.
        assert run["seed"] == (int(given[-1].removeprefix("seed=")) if given else default), run["command"]


def sources(result: Any) -> Iterator[dict[str, Any]]:
    """What a result file says of the commands that it is from: once for all, or once for each part."""
    if isinstance(result, dict) and "command" in result:
        yield result
    elif isinstance(result, dict | list):
        parts = result.values() if isinstance(result, dict) else result
        for part in parts:
            yield from sources(part)


@pytest.mark.parametrize("path", RESULT_FILES, ids=lambda path: path.stem)
def test_every_result_file_says_where_it_comes_from(path: Path) -> None:
    result = json.loads(path.read_text())
    found = list(sources(result))
    assert found
    for one in found:
        assert all(one[key] for key in ("command", "commit", "date", "device"))
    rows = result.get("rows", []) if isinstance(result, dict) and "command" not in result else []
    assert all("command" in row for row in rows)


def test_the_table_is_arithmetic_on_the_runs(collect: ModuleType) -> None:
    runs = json.loads(collect.RESULTS.read_text())["runs"]
    acc = [
        100 * result["pool"]["acc"]
        for run in runs
        for result in run["results"]
        if run["data"] == "mnist" and result["method"] == "VaDE"
    ]
    row = next(row for row in collect.rows(runs) if row[0] == "mnist" and row[1].startswith("VaDE from"))
    assert row[2:6] == [
        str(len(acc)),
        f"{statistics.mean(acc):.1f} ± {statistics.stdev(acc):.1f}",
        f"{min(acc):.1f}",
        f"{max(acc):.1f}",
    ]


def test_a_table_goes_between_its_own_marks_only() -> None:
    fill = importlib.import_module("pages").fill
    text = "a <!-- x -->old<!-- /x --> b <!-- y -->kept<!-- /y --> c"
    assert fill(text, "x", r"\1 new") == "a <!-- x -->\n\\1 new\n<!-- /x --> b <!-- y -->kept<!-- /y --> c"


def test_performance_shows_its_result_files() -> None:
    pages = importlib.import_module("pages")
    page = (REPOSITORY / "docs/performance.md").read_text()
    throughput, resources = importlib.import_module("throughput"), importlib.import_module("resources")
    rows = json.loads(throughput.RESULTS.read_text())["rows"]
    assert page == pages.fill(page, "throughput", pages.markdown(throughput.cells(rows)))
    figures = json.loads(resources.RESULTS.read_text())
    assert page == pages.fill(page, "resources", pages.markdown(resources.costs(figures)))
    assert page == pages.fill(page, "growth", pages.markdown(resources.growth(figures)))
    for row in rows:
        best = {name: max(speeds) for name, speeds in row["images_per_second"].items()}
        # Bare products cannot be slower than the training step that they are a part of.
        assert best["limit"] > best["floor"]
        for name, ratio in row["ratios"].items():
            assert ratio == pytest.approx(best["latentclust"] / best[name.partition("/")[2]], abs=1e-3)


def test_the_page_on_devices_shows_its_result_file() -> None:
    ddp, pages = importlib.import_module("ddp"), importlib.import_module("pages")
    page, result = ddp.PAGE.read_text(), json.loads(ddp.RESULTS.read_text())
    assert page == pages.fill(page, "ddp", ddp.table(result))
    for name, rows in result["cases"].items():
        assert max(map(ddp.difference, rows)) < 0.02, name
    first = result["cases"]["autoencoder with convolutions"][0]
    assert first["2"]["loss"][0] == pytest.approx(first["1"]["loss"][0], rel=1e-6)


def test_the_timed_run_reads_the_log(trained: Command) -> None:
    timed, pages = importlib.import_module("timed"), importlib.import_module("pages")
    folder = trained("experiment=tiny_vade").folder
    assert folder is not None
    log = (folder / "latentclust.log").read_text()
    found = timed.EPOCH.findall(log)
    with (folder / "metrics.csv").open() as file:
        acc = [float(row["cluster/acc"]) for row in csv.DictReader(file) if row.get("cluster/acc")]
    assert [int(epoch) for _, epoch, _ in found] == [1, 2, 3]
    assert [float(value) / 100 for *_, value in found] == pytest.approx(acc, rel=1e-3)
    begin = datetime.now() - timedelta(hours=1)
    times = [timed.since(begin, time) for time in (timed.START.search(log)[1], *(one for one, *_ in found))]
    assert times == sorted(times)
    assert 0 < times[0] < 3700
    page = timed.PAGE.read_text()
    assert page == pages.fill(page, "timed", timed.table(json.loads(timed.RESULTS.read_text())))


def test_the_page_shows_every_accuracy_run() -> None:
    accuracy, pages = importlib.import_module("accuracy"), importlib.import_module("pages")
    runs = accuracy.load()
    page = accuracy.PAGE.read_text()
    assert "<!-- accuracy -->" in page
    assert page == pages.fill(page, "accuracy", accuracy.table(runs))
    lines = accuracy.table(runs).splitlines()[2:]
    groups = {(run["recipe"], run["data"]) for run in runs}
    assert len(lines) == len(groups)
    for line in lines:
        recipe, data, seeds, acc, worst, best = (cell.strip() for cell in line.split("|")[1:7])
        mine = [
            run for run in runs if f"`{run['recipe']}`" == recipe and run["data"] == data and run["commit"]
        ]
        assert seeds == ", ".join(str(run["seed"]) for run in mine)
        values = [100 * run["results"][-1]["pool"]["acc"] for run in mine]
        spread = f" ± {statistics.stdev(values):.2f}" if len(values) > 1 else ""
        assert acc == f"{statistics.mean(values):.2f}{spread}"
        assert (worst, best) == (f"{min(values):.2f}", f"{max(values):.2f}")


def test_readme_shows_four_recipes_on_mnist() -> None:
    accuracy, pages = importlib.import_module("accuracy"), importlib.import_module("pages")
    runs, readme = accuracy.load(), accuracy.README.read_text()
    assert "<!-- headline -->" in readme
    assert readme == pages.fill(readme, "headline", accuracy.headline(runs))
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in accuracy.headline(runs).splitlines()]
    assert [row[0] for row in rows[2:]] == ["`default`", "`vade_best`", "`vade_merged`", "`vade_paper`"]
    for recipe, _, acc, worst, n in rows[2:]:
        values = [
            100 * run["results"][-1]["pool"]["acc"]
            for run in runs
            if (f"`{run['recipe']}`", run["data"]) == (recipe, "mnist")
        ]
        assert acc == f"{statistics.mean(values):.2f} ± {statistics.stdev(values):.2f}"
        assert (worst, n) == (f"{min(values):.2f}", str(len(values)))


def test_ablations_change_what_they_say() -> None:
    """Each row composes, and differs from the first by its change alone; the page shows the runs."""
    ablation, pages = importlib.import_module("ablation"), importlib.import_module("pages")
    with initialize_config_dir(str(REPOSITORY / "conf"), version_base="1.3"):
        composed = {
            row: dict(
                leaves(
                    OmegaConf.to_container(compose("config", overrides=ablation.settings(row)), resolve=True)
                )
            )
            for row in ablation.CHANGES
        }
    assert composed["base"]["data.limit"] == 20000
    for row, settings in composed.items():
        parts = {override.partition("=")[0] for override in ablation.CHANGES[row].overrides}
        changed = {
            key
            for key in settings.keys() | composed["base"].keys()
            if settings.get(key) != composed["base"].get(key)
        }
        assert all(any(key == part or key.startswith(f"{part}.") for part in parts) for key in changed), row
        assert all(any(key == part or key.startswith(f"{part}.") for key in changed) for part in parts), row
    page = ablation.PAGE.read_text()
    assert page == pages.fill(page, "ablation", ablation.table(ablation.load()))


def test_method_shows_what_other_code_costs() -> None:
    ports, pages = importlib.import_module("ports"), importlib.import_module("pages")
    runs = json.loads(ports.RESULTS.read_text())
    page = ports.PAGE.read_text()
    assert page == pages.fill(page, "ports", ports.table(runs))
    acc = {(one["variant"], one["seed"]): 100 * one["results"][-1]["pool"]["acc"] for one in runs}
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in ports.table(runs).splitlines()[2:]]
    assert [row[0] for row in rows] == list(ports.VARIANTS)
    for variant, seeds, mean, _, _, difference, failed in rows:
        values = np.array([acc[variant, seed] for seed in range(int(seeds))])
        assert mean == f"{values.mean():.1f} ± {values.std(ddof=1):.1f}"
        assert failed == "0"
        if variant != "as here":
            gaps = values - [acc["as here", seed] for seed in range(int(seeds))]
            assert difference == f"{gaps.mean():+.1f} ± {sem(gaps):.1f}"


def test_an_ablation_is_compared_on_its_own_seeds() -> None:
    ablation = importlib.import_module("ablation")

    def one(row: str, seed: int, start: float, end: float) -> dict[str, Any]:
        return {"row": row, "seed": seed, "results": [{"pool": {"acc": value}} for value in (start, end)]}

    found = [one("base", 0, 0.9, 0.95), one("base", 1, 0.8, 0.85), one("gmm", 1, 0.6, 0.75)]
    found += [one("kmeans", 2, 0.5, 0.6)]  # the first row has no such seed
    first, second, third = (
        [cell.strip() for cell in line.split("|")[1:-1]] for line in ablation.table(found).splitlines()[2:]
    )
    assert first[1:] == ["0, 1", "85.00", "90.00 ± 7.07", "85.00", "95.00", ""]
    assert second[1:] == ["1", "60.00", "75.00", "75.00", "75.00", "-10.00"]
    assert third[1:] == ["2", "50.00", "60.00", "60.00", "60.00", ""]


def test_no_run_names_a_path_of_its_machine() -> None:
    for path in (REPOSITORY / "benchmarks/results").rglob("*.json"):
        assert not re.search(r'"(/[a-z]|[A-Z]:)', path.read_text()), path


def test_runs_of_a_recipe_with_other_settings_are_not_put_together() -> None:
    accuracy = importlib.import_module("accuracy")
    run = next(one for one in accuracy.load() if (one["recipe"], one["data"]) == ("vade_paper", "digits"))
    older = json.loads(json.dumps(run))
    older["seed"] = older["config"]["seed"] = 7
    del older["config"]["tags"]  # a key that is newer
    older["config"]["data"]["min_images_per_epoch"] += 1
    older["config"]["model"]["reconstruction"] = older["config"]["model"].pop("likelihood")
    assert len(accuracy.grouped([run, older])["vade_paper", "digits"]) == 2
    older["config"]["model"]["latent_dim"] += 1
    with pytest.raises(SystemExit, match="different settings"):
        accuracy.grouped([run, older])


@pytest.mark.long
def test_the_recipes_are_still_what_was_measured() -> None:
    """A recipe's settings may get new keys, but no committed run may have had others than it has now."""
    unrelated = ("figures.", "data.root", "trainer.enable_progress_bar", "output_dir", "logger.")
    accuracy = importlib.import_module("accuracy")
    with initialize_config_dir(str(REPOSITORY / "conf"), version_base="1.3"):
        for run in accuracy.load():
            recipe = [] if run["recipe"] == "default" else [f"experiment={run['recipe']}"]
            cfg = compose("config", overrides=[*recipe, f"data={run['data']}", f"seed={run['seed']}"])
            n = accuracy.N_INPUTS[run["data"]]
            settings, _ = resolve(check_settings(without_hydra(cfg)), (1, 28, 28), ["unit"], n)
            now = accuracy.settings_of(run | {"config": settings.plain()})
            for key, value in accuracy.settings_of(run).items():
                if not key.startswith(unrelated):
                    assert now.get(key) == value, (run["recipe"], key)


def test_the_tables_of_other_data_are_those_of_the_result_files() -> None:
    everywhere, pages = importlib.import_module("everywhere"), importlib.import_module("pages")
    page, readme = (REPOSITORY / "docs/results.md").read_text(), (REPOSITORY / "README.md").read_text()
    for mark, tests in (("everywhere", False), ("test_sets", True)):
        assert f"<!-- {mark} -->" in page
        assert page == pages.fill(page, mark, pages.markdown(everywhere.table(tests), left=3))
    assert readme == pages.fill(readme, "unseen", pages.markdown(everywhere.short(everywhere.table(True))))


def test_the_page_on_choices_shows_its_result_files() -> None:
    pages = importlib.import_module("pages")
    text = page = (REPOSITORY / "docs" / "choosing.md").read_text()
    for name, sides in (("choose_layout", 2), ("choose_parts", 1), ("choose_preprocess", 1)):
        benchmark = importlib.import_module(name)
        sets = json.loads(benchmark.RESULTS.read_text())["sets"]
        if sides == 1:
            text = pages.fill(text, name, pages.markdown(benchmark.table(sets)))
            continue
        for mark, tests in ((name, False), (f"{name}_tests", True)):
            text = pages.fill(text, mark, pages.markdown(benchmark.table(sets, tests), left=2))
    assert text == page


def test_the_short_table_has_the_defaults_mean_and_the_best_baselines() -> None:
    everywhere = importlib.import_module("everywhere")
    lines = everywhere.short(everywhere.table(True))[1:]
    for name, line in zip(everywhere.TITLES, lines, strict=True):
        group = [json.loads(file.read_text()) for file in everywhere.RESULTS.glob(f"{name}-*.json")]
        ours = statistics.mean(100 * one["results"][-1]["pool"]["acc"] for one in group)
        best = max(
            statistics.mean(100 * one["baselines"][method] for one in group)
            for method in group[0]["baselines"]
        )
        assert [float(cell.partition(" ")[0]) for cell in line[1:3]] == pytest.approx([ours, best], abs=0.006)
