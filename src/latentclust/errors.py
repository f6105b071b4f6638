"""The one exception that is written for a person to read."""


class LatentclustError(Exception):
    """Something the user can mend: one line that says what is wrong and what to do.

    ``cli`` prints the message without a traceback and exits with ``exit_code``.
    """

    exit_code = 2
