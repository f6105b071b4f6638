"""The exceptions that are written for a person to read."""


class LatentclustError(Exception):
    """Something the user can mend: one line that says what is wrong and what to do.

    ``cli`` prints the message without a traceback and exits with ``exit_code``.
    """

    exit_code = 2


class StoppedError(LatentclustError):
    """A run that was stopped by Ctrl-C or ran out of its time: says how it can go on."""

    exit_code = 130
