"""What is under way, for people who wait.

It works as logging does: whoever works says what it does (:func:`task`), and whoever runs the program
decides how that is shown (:func:`show`), as :mod:`latentclust.terminal` does. The log has a line when a task
begins and one when it is done.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from time import perf_counter
from typing import Protocol, TypeVar

log = logging.getLogger(__name__)

Item = TypeVar("Item")

# Marks a log record that says no more than a bar does.
LIKE_A_BAR = {"like_a_bar": True}


class Task:
    """A piece of work under way.

    Parameters
    ----------
    name
        What is done, in a few words.
    total
        How many steps it takes, or None where that is not known.

    Attributes
    ----------
    done
        Steps behind it.
    note
        What it is at, or an empty text.
    """

    def __init__(self, name: str, total: int | None = None) -> None:
        self.name = name
        self.total = total
        self.done = 0
        self.note = ""
        self._lock = Lock()

    def advance(self, steps: int = 1, note: str = "") -> None:
        """Say how many further steps are done; threads may."""
        with self._lock:
            self.done += steps
            self.note = note
        _display.change(self)

    def expect(self, total: int) -> None:
        """Say how many steps it takes, once that is known."""
        self.total = total
        _display.change(self)


class Display(Protocol):
    """Shows the tasks that are under way."""

    def begin(self, task: Task) -> None:
        """Show a task from here on."""

    def change(self, task: Task) -> None:
        """Show how far it is; threads may call this."""

    def end(self, task: Task) -> None:
        """Show it no more."""


class Nowhere:
    """Shows nothing."""

    def begin(self, task: Task) -> None:
        """Do nothing."""

    change = end = begin


_display: Display = Nowhere()
_under_way: list[Task] = []


def show(display: Display) -> None:
    """Show tasks there from here on."""
    global _display
    _display = display


@contextmanager
def task(name: str, total: int | None = None) -> Iterator[Task]:
    """Say that the block does something, and log when it begins and how long it took."""
    one, start, display = Task(name, total), perf_counter(), _display
    log.info("%s: begun", name, extra=LIKE_A_BAR)
    _under_way.append(one)
    display.begin(one)
    try:
        yield one
    finally:
        _under_way.remove(one)
        display.end(one)
    log.info("%s: done in %.1f s", name, perf_counter() - start, extra=LIKE_A_BAR)


def each(items: Sequence[Item], name: str) -> Iterator[Item]:
    """Go through items, each a step of a task."""
    with task(name, len(items)) as one:
        for item in items:
            yield item
            one.advance()


def current() -> Task:
    """Return the innermost task under way; where there is none, one that nobody sees."""
    return _under_way[-1] if _under_way else Task("")
