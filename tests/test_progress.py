"""What is under way, in the log, in a pipe and in a terminal."""

import io
import logging
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import rich
from rich.console import Console

from latentclust import progress, terminal
from latentclust.progress import LIKE_A_BAR, Task, current, task
from latentclust.training.callbacks import (
    ClusterTargets,
    EpochLines,
    MixtureInitialization,
    ObjectiveTerms,
    StageProgress,
)
from tests.conftest import Command
from tests.training.test_callbacks import train, vade


@pytest.fixture(autouse=True)
def nothing_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give each test bars of its own, as they are when the program starts."""
    monkeypatch.setattr(progress, "_display", progress.Nowhere())
    monkeypatch.setattr(terminal, "BARS", terminal.Bars())
    yield
    assert progress._under_way == []


class Console80(Console):
    """Of 80 columns, in a terminal or not."""

    def __init__(self, terminal: bool) -> None:
        self.written = io.StringIO()
        super().__init__(file=self.written, force_terminal=terminal, width=80, _environ={"TERM": "xterm"})

    @property
    def text(self) -> str:
        """What was written, without the terminal's commands."""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.written.getvalue())


@pytest.fixture
def console(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Console80:
    """Make it rich's own: a terminal if the parameter is True."""
    made = Console80(request.param)
    monkeypatch.setattr(rich, "_console", made)
    return made


def test_a_task_is_logged_when_it_begins_and_when_it_is_done(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([10.0, 12.34])
    monkeypatch.setattr(progress, "perf_counter", lambda: next(clock))
    with caplog.at_level(logging.INFO), task("search"):
        assert [record.message for record in caplog.records] == ["search: begun"]
    assert [record.message for record in caplog.records] == ["search: begun", "search: done in 2.3 s"]


def test_a_task_that_fails_is_not_done(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), pytest.raises(KeyError), task("search"):
        raise KeyError
    assert [record.message for record in caplog.records] == ["search: begun"]


def test_the_innermost_task_is_the_current_one() -> None:
    assert current().name == ""
    with task("outer") as outer, task("inner") as inner:
        current().expect(3)
        current().advance(2, "here")
        assert (inner.done, inner.total, inner.note) == (2, 3, "here")
        assert (outer.done, outer.total) == (0, None)


def test_items_are_the_steps_of_a_task() -> None:
    seen = []
    for item in progress.each("abc", "letters"):
        seen.append((item, current().name, current().done, current().total))
        if item == "b":
            break
    assert seen == [("a", "letters", 0, 3), ("b", "letters", 1, 3)]


def test_threads_lose_no_step() -> None:
    with task("search", 4_000) as counted, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: counted.advance(), range(4_000)))
    assert counted.done == 4_000


@pytest.mark.parametrize("console", [True], indirect=True)
def test_a_terminal_shows_a_bar_with_the_steps_and_the_time_left(console: Console80) -> None:
    terminal.show_bars(True)
    with task("search", 8) as counted:
        assert terminal.BARS.own is not None
        counted.advance(2, "[a]")
        terminal.BARS.own.refresh()
        assert re.search(r"search: \[a\] .*2/8 0:00:00", console.text)
        with task("fit"):
            terminal.BARS.own.refresh()
            assert re.search(r"fit +━+ +0:00:00", console.text)
    assert terminal.BARS.own is None
    assert console._live_stack == []


@pytest.mark.parametrize("console", [True], indirect=True)
def test_the_time_left_is_told_by_the_steps_done(console: Console80) -> None:
    terminal.show_bars(True)
    with task("search", 100) as counted:
        own = terminal.BARS.own
        assert own is not None
        now = [0.0]
        own.get_time = lambda: now[0]  # type: ignore[method-assign]
        for row in own.tasks:
            row._get_time = own.get_time
        own.reset(own.tasks[0].id)
        for _ in range(5):
            now[0] += 6
            counted.advance(10)
        # The last 40 steps took 24 seconds: 50 more take 30.
        assert terminal.Left().render(own.tasks[0]).plain == "00:30 left"


@pytest.mark.parametrize(
    ("console", "wanted", "lines"),
    [(True, True, False), (True, False, True), (False, True, True), (False, False, True)],
    indirect=["console"],
)
def test_a_line_that_says_what_a_bar_shows_is_printed_where_there_is_none(
    console: Console80, wanted: bool, lines: bool
) -> None:
    terminal.show_bars(wanted)
    handler, logger = terminal.ConsoleHandler(), logging.Logger("test")
    logger.addHandler(handler)
    logger.info("search: begun", extra=LIKE_A_BAR)
    long = "a line of [more] than 80 characters that is to be copied, " * 3
    logger.info(long)
    assert ("search: begun" in console.text) is lines
    assert long in console.text.splitlines()
    with task("search"):
        assert (terminal.BARS.own is not None) is not lines


class Displays(L.Callback):
    """Notes the rows and the displays that are live while the mixture is fitted."""

    def __init__(self) -> None:
        self.seen: list[tuple[list[str], int]] = []

    def on_train_batch_start(self, trainer: L.Trainer, *args: Any) -> None:
        self.note("steps")

    def note(self, what: str) -> None:
        bars = terminal.BARS
        display = bars.lent or bars.own
        rows = [row.description for row in display.tasks if row.visible] if display else []
        self.seen.append(([what, *rows], len(rich.get_console()._live_stack)))


def test_there_is_one_live_display_whoever_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(rich, "_console", Console())
    terminal.show_bars(True)
    displays = Displays()

    class Watched(MixtureInitialization):
        def _part(self, *args: Any) -> Any:
            displays.note("fit")
            return super()._part(*args)

    init = Watched("kmeans", 0, n_init=1)
    bar = StageProgress("train")
    callbacks = [init, ClusterTargets(init), displays, bar]
    with task("train"):
        options = {"enable_progress_bar": True}
        train(vade(hold_epochs=1, refit_at=[1]), callbacks, tmp_path, epochs=2, trainer_options=options)
        assert terminal.BARS.lent is None
    assert [live for _, live in displays.seen] == [1] * 10
    first, *steps, refit = (*displays.seen[:5], displays.seen[5])
    assert first[0] == ["fit", "train", "init (kmeans)"]
    assert refit[0] == ["fit", "train epoch 1/2", "init (kmeans)"]
    assert all(rows[0] == ["steps", "train epoch 1/2"] for rows in steps)
    assert rich.get_console()._live_stack == []
    assert "train epoch 2/2" in capsys.readouterr().out


def test_an_epochs_line_has_what_was_measured(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    class Measures(L.Callback):
        def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
            pl_module.log_dict({"cluster/acc": 0.9877, "perf/samples_per_second": 12345.6})

    with caplog.at_level(logging.INFO):
        train(vade(), [ObjectiveTerms(), Measures(), EpochLines("train")], tmp_path, epochs=10)
    lines = [record.message for record in caplog.records if record.message.startswith("train epoch")]
    assert len(lines) == 10
    assert len({len(line) for line in lines}) == 1
    assert re.fullmatch(
        r"train epoch  1/10  loss +[\d.]+  elbo +-[\d.]+  acc  98.77%  images/s  12,346", lines[0]
    )
    assert lines[9].startswith("train epoch 10/10  loss")


STAGES = (
    "data",
    "pretrain",
    "pretrain epoch 1/2",
    "pretrain epoch 2/2",
    "train",
    "init (merged)",
    "restarts (merged)",
    "figures",
    "train epoch 1/3",
    "train epoch 2/3",
    "init (merged)",
    "restarts (merged)",
    "train epoch 3/3",
    "evaluate",
    "assign",
    "show",
    "t-SNE of the latent space",
    "t-SNE of the raw pixels",
    "report",
)


@pytest.mark.long
def test_a_run_without_a_terminal_has_a_line_for_each_stage_and_epoch(latentclust: Command) -> None:
    small = ["figures.embedding.size=60", "figures.embedding.max_iter=250", "figures.projector=false"]
    outcome = latentclust("experiment=tiny_guided", "figures.at_end=true", "figures.every_n_epochs=5", *small)
    assert outcome.status == 0, outcome.err
    assert outcome.folder is not None
    for text in (outcome.out, (outcome.folder / "latentclust.log").read_text()):
        found = re.findall(r"^(?:.*latentclust\.\S+: )?(.+?)(?:: begun|  loss .*images/s .*)$", text, re.M)
        assert tuple(found) == STAGES
        done = re.findall(r"^(?:.*latentclust\.\S+: )?(.+?): done in [\d.]+ s$", text, re.M)
        assert sorted(done) == sorted(stage for stage in STAGES if "epoch" not in stage)
    assert "acc" in outcome.out


def test_a_task_is_seen_where_neighbors_are_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from latentclust.clustering import nearest_images

    class Seen(progress.Nowhere):
        def __init__(self) -> None:
            self.ended: list[Task] = []

        def end(self, task: Task) -> None:
            self.ended.append(task)

    seen = Seen()
    progress.show(seen)
    nearest_images(torch.rand(700, 1, 8, 8, generator=torch.Generator().manual_seed(0)), 5)
    assert len(seen.ended) == 3
    assert all(one.done == one.total == 700 for one in seen.ended)
