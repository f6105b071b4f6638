"""What a terminal shows: lines, and a bar for each task under way."""

import logging
from threading import Event, Thread

from rich import get_console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Task as Row
from rich.text import Text

from latentclust import progress

TICK = 0.25  # seconds


class Bars:
    """Shows tasks as bars with the time that is left, where steps are counted, else with the time gone by.

    A terminal has one live display at a time. While a trainer has its own, new tasks become rows of that.

    Attributes
    ----------
    wanted
        Whether bars are wanted at all.
    """

    def __init__(self) -> None:
        self.wanted = False
        self.under_way: dict[progress.Task, TaskID | None] = {}
        self.own: Progress | None = None
        self.lent: Progress | None = None
        self.ticker: Ticker | None = None

    @property
    def visible(self) -> bool:
        """Whether there is a terminal or a notebook to show bars in, and they are wanted."""
        console = get_console()
        return self.wanted and (console.is_interactive or console.is_jupyter)

    def begin(self, task: progress.Task) -> None:
        """Show a task from here on."""
        self.under_way[task] = None
        if self.visible:
            self._add(task)

    def change(self, task: progress.Task) -> None:
        """Show how far it is."""
        row, display = self.under_way.get(task), self.lent or self.own
        if row is not None and display is not None:
            display.update(
                row, total=total_of(task, display), completed=task.done, description=title_of(task)
            )

    def end(self, task: progress.Task) -> None:
        """Show it no more."""
        row, display = self.under_way.pop(task, None), self.lent or self.own
        if row is not None and display is not None:
            display.remove_task(row)
        if all(row is None for row in self.under_way.values()):
            self._stop()

    def lend(self) -> None:
        """Leave the terminal to a trainer; :meth:`join` says what it shows there."""
        self._stop()
        self.under_way = dict.fromkeys(self.under_way)

    def join(self, display: Progress | None) -> None:
        """Show new tasks in a trainer's display; None: in one of our own again."""
        self._stop()
        self.lent = display
        self.under_way = dict.fromkeys(self.under_way)

    def _add(self, task: progress.Task) -> None:
        if self.lent is not None:
            display = self.lent
            # Lightning's display is drawn when a batch is done, and now there are none.
            self.ticker = self.ticker or Ticker(display)
        elif self.own is None:
            display = self.own = Progress(
                SpinnerColumn(),
                TextColumn("{task.description}", markup=False),
                BarColumn(24),
                Steps(),
                TimeElapsedColumn(),
                Left(),
                console=get_console(),
                refresh_per_second=1 / TICK,
                transient=True,
            )
            display.start()
        else:
            display = self.own
        self.under_way[task] = display.add_task(title_of(task), total=total_of(task, display))

    def _stop(self) -> None:
        if self.own is not None:
            self.own.stop()
            self.own = None
        if self.ticker is not None:
            self.ticker.stop()
            self.ticker = None


class Steps(MofNCompleteColumn):
    """The steps done and those in all, where they are counted."""

    def render(self, task: Row) -> Text:
        """Render it."""
        return Text() if task.total is None else super().render(task)


class Left(ProgressColumn):
    """The time that is left, where steps are counted."""

    def __init__(self) -> None:
        super().__init__()
        self.time = TimeRemainingColumn(compact=True)

    def render(self, task: Row) -> Text:
        """Render it."""
        if task.total is None or task.time_remaining is None:
            return Text()
        return self.time.render(task) + " left"


class Ticker:
    """Draws a display again and again, so that its clocks go on."""

    def __init__(self, display: Progress) -> None:
        self.display = display
        self.over = Event()
        self.thread = Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self) -> None:
        """Draw until it is stopped."""
        while not self.over.wait(TICK):
            self.display.refresh()

    def stop(self) -> None:
        """Stop."""
        self.over.set()
        self.thread.join()


class ConsoleHandler(logging.Handler):
    """Prints log lines as they are, above the bars where there are any.

    What a bar shows needs no line beside it, but is all that a file or a pipe gets to see.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Print a line."""
        if BARS.visible and getattr(record, "like_a_bar", False):
            return
        try:
            get_console().print(self.format(record), soft_wrap=True, highlight=False, markup=False)
        except Exception:
            self.handleError(record)


def title_of(task: progress.Task) -> str:
    """Return what a bar is called."""
    return f"{task.name}: {task.note}" if task.note else task.name


def total_of(task: progress.Task, display: Progress) -> float | None:
    """Return a task's steps; Lightning's display wants infinity where they are not known."""
    return float("inf") if task.total is None and display is BARS.lent else task.total


BARS = Bars()


def show_bars(wanted: bool) -> None:
    """Show what is under way as bars, or only as lines of the log."""
    BARS.wanted = wanted
    progress.show(BARS)
