"""SIGTERM ends a run as Ctrl-C does: between two lines of code, with a checkpoint and a word about it."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from types import FrameType

# Where stopping takes longer than this, a second signal interrupts it.
PATIENCE = 5.0  # seconds


class Terminated(KeyboardInterrupt):  # as the signal is called
    """SIGTERM, or Ctrl-Break; libraries that know how to end after Ctrl-C end alike."""


class _State:
    """The signal that is being obeyed, and the one that waits until it may be."""

    obeyed: int | None = None
    since = 0.0
    shields = 0
    waiting: int | None = None


def stopping_signals() -> tuple[int, ...]:
    """Return the signals that stop a run on this system."""
    names = ("SIGINT", "SIGTERM", "SIGBREAK")
    return tuple(getattr(signal, name) for name in names if hasattr(signal, name))


@contextmanager
def heeded() -> Iterator[None]:
    """Turn each of the signals into KeyboardInterrupt or Terminated while the block runs.

    A signal that the process was started to ignore, such as SIGINT of a job in the background, stays ignored.
    Does nothing outside the main thread, which alone may choose what signals do.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {}
    for number in stopping_signals():
        if signal.getsignal(number) is not signal.SIG_IGN:
            before[number] = signal.signal(number, _handle)
    _State.obeyed, _State.waiting = None, None
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)


@contextmanager
def ignored() -> Iterator[None]:
    """Ignore the signals in the block; processes that it starts ignore them for good."""
    before = {}
    if threading.current_thread() is threading.main_thread():
        before = {number: signal.signal(number, signal.SIG_IGN) for number in stopping_signals()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)


@contextmanager
def shielded() -> Iterator[None]:
    """Let a signal wait until the block is over: for what takes a moment and should not be cut in two."""
    _State.shields += 1
    try:
        yield
    finally:
        _State.shields -= 1
    if not _State.shields and (number := _State.waiting) is not None:
        _State.waiting = None
        _obey(number)


def was_terminated() -> bool:
    """Whether the signal that is being obeyed was another one than Ctrl-C."""
    return _State.obeyed not in (None, signal.SIGINT)


def _handle(number: int, frame: FrameType | None) -> None:
    if _State.shields:
        _State.waiting = number
    elif _State.obeyed is None or monotonic() - _State.since > PATIENCE:
        _obey(number)


def _obey(number: int) -> None:
    _State.obeyed, _State.since = number, monotonic()
    raise KeyboardInterrupt if number == signal.SIGINT else Terminated
