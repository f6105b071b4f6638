"""How the steps of the preprocessing are written; what they do is in ``data``."""

import difflib
from typing import NamedTuple

from latentclust.errors import LatentclustError

WITH_NUMBER = ("top", "pca")
STEPS = ("unit", "standardize", "scale", "normalize", "log1p", "pearson", *WITH_NUMBER, "none")


class Step(NamedTuple):
    """A step as it is written: ``name`` or ``name:n``."""

    name: str
    n: int | None = None

    def __str__(self) -> str:
        return self.name if self.n is None else f"{self.name}:{self.n}"


def parse(text: str) -> Step:
    """Read a step, as in ``standardize`` or ``pca:50``.

    Raises
    ------
    LatentclustError
        If there is no such step.
    """
    name, _, number = text.replace("=", ":").partition(":")
    if name not in STEPS or (name in WITH_NUMBER) != bool(number):
        known = ", ".join(f"{step}:n" if step in WITH_NUMBER else step for step in STEPS)
        close = [] if name in STEPS else difflib.get_close_matches(name, STEPS, n=1)
        guess = f" (did you mean '{close[0]}'?)" if close else ""
        raise LatentclustError(f"preprocess has the step {text!r}{guess}: it must be one of {known}")
    if number and not (number.isdecimal() and int(number) >= 1):
        raise LatentclustError(f"preprocess has the step {text!r}: write {name}:n with a whole number n")
    return Step(name, int(number) if number else None)
