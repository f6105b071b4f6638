"""The exceptions that are written for a person to read."""


class LatentclustError(Exception):
    """Something the user can mend: one line that says what is wrong and what to do.

    ``cli`` prints the message without a traceback and exits with ``exit_code``.
    """

    exit_code = 2

    def __init__(self, *message: object) -> None:
        super().__init__(*(_printable(part) if isinstance(part, str) else part for part in message))


class StoppedError(LatentclustError):
    """A run that was stopped by Ctrl-C: says how it can go on, and ends a sweep too."""

    exit_code = 130


class TerminatedError(StoppedError):
    """A run that was stopped by SIGTERM."""

    exit_code = 143


class PrunedError(LatentclustError):
    """A trial of a search that was not worth going on with."""


class OutOfTimeError(LatentclustError):
    """A run whose ``trainer.max_time`` was over before it had a result: says how it can go on."""

    exit_code = 124


def _printable(message: str) -> str:
    """Write what a terminal would obey, a line's end too, as an escape: a value from outside may hold it."""
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in message)
