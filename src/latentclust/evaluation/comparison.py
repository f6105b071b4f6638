"""Runs with several seeds, folded into numbers, and which differences are more than the seeds' noise."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

# Of a test that a difference is 0, and of the complement of the mean's interval.
LEVEL = 0.05


class Spread(NamedTuple):
    """A score over the seeds."""

    mean: float
    std: float | None
    """Standard deviation with n - 1 degrees of freedom; None for a single seed, as the interval."""
    worst: float
    best: float
    n: int
    interval: tuple[float, float] | None
    """Of the mean, by Student's t, at 95 %."""


def spread(values: Sequence[float], *, higher_is_better: bool = True) -> Spread:
    """Summarize a score over its n seeds, n at least 1.

    Examples
    --------
    >>> found = spread([0.5, 0.75, 1.0])
    >>> found.mean, found.std, found.worst, found.best, found.n
    (0.75, 0.25, 0.5, 1.0, 3)
    """
    scores = np.asarray(values, dtype=np.float64)
    n, mean = len(scores), float(scores.mean())
    worst, best = float(scores.min()), float(scores.max())
    if not higher_is_better:
        worst, best = best, worst
    if n == 1:
        return Spread(mean, None, worst, best, n, None)
    std = float(scores.std(ddof=1))
    half = float(stats.t.isf(LEVEL / 2, n - 1)) * std / n**0.5
    return Spread(mean, std, worst, best, n, (mean - half, mean + half))


class Difference(NamedTuple):
    """How much higher one group's mean is than another's."""

    mean: float
    standard_error: float | None
    """None, like ``p``, where a single seed tells nothing of the noise."""
    paired: bool
    n: int
    """Of pairs; of the smaller group where there are none."""
    p: float | None
    """Of so large a difference, either way, if there is none: Student's t test, Welch's where not paired."""


def difference(first: Mapping[int, float], second: Mapping[int, float]) -> Difference:
    """Compare the scores of two groups, each by the runs' seeds.

    If the groups have at least two seeds in common, and one has no others, their differences are taken seed
    by seed: what a seed does to both drops out. The standard error of their mean is their standard deviation
    over the root of their number. Otherwise the groups' own standard errors are added in squares, with the
    degrees of freedom of Welch 1947, "The generalization of 'Student's' problem when several different
    population variances are involved".

    Examples
    --------
    >>> found = difference({0: 0.75, 1: 1.0, 2: 0.5}, {0: 0.5, 1: 0.625, 2: 0.25})
    >>> round(found.mean, 4), round(found.standard_error, 4), found.paired, found.n
    (0.2917, 0.0417, True, 3)
    """
    common = sorted(set(first) & set(second))
    if len(common) >= 2 and len(common) == min(len(first), len(second)):
        pairs = np.array([first[seed] - second[seed] for seed in common])
        error = float(pairs.std(ddof=1)) / len(pairs) ** 0.5
        mean = float(pairs.mean())
        return Difference(mean, error, True, len(pairs), _p(mean, error, len(pairs) - 1))
    a, b = (np.array(list(scores.values())) for scores in (first, second))
    mean, n = float(a.mean() - b.mean()), min(len(a), len(b))
    if n < 2:
        return Difference(mean, None, False, n, None)
    parts = [float(scores.var(ddof=1)) / len(scores) for scores in (a, b)]
    error = sum(parts) ** 0.5
    if error == 0:
        return Difference(mean, 0.0, False, n, _p(mean, 0.0, n - 1))
    freedom = sum(parts) ** 2 / (parts[0] ** 2 / (len(a) - 1) + parts[1] ** 2 / (len(b) - 1))
    return Difference(mean, error, False, n, _p(mean, error, freedom))


def _p(mean: float, error: float, freedom: float) -> float:
    """Return the two-sided p of Student's t test."""
    if error == 0:
        return 0.0 if mean else 1.0
    return 2 * float(stats.t.sf(abs(mean) / error, freedom))


def holm(ps: Sequence[float]) -> list[float]:
    """Correct p for the number of tests.

    Holm 1979, "A simple sequentially rejective multiple test procedure".

    Examples
    --------
    >>> holm([0.25, 0.125])
    [0.25, 0.25]
    """
    corrected, highest = [0.0] * len(ps), 0.0
    for rank, place in enumerate(sorted(range(len(ps)), key=lambda place: ps[place])):
        highest = max(highest, min(1.0, (len(ps) - rank) * ps[place]))
        corrected[place] = highest
    return corrected


class Finding(NamedTuple):
    """A group beside the best one."""

    best: str
    other: str
    difference: Difference
    """Of the best one from it, so that it is positive where more is better."""
    larger: bool | None
    """Than the seeds' noise: Holm's p over all that the best one is compared with is below 5 %. None where
    one of the two has a single seed."""


def against_best(
    groups: Mapping[str, Mapping[int, float]], *, higher_is_better: bool = True
) -> list[Finding]:
    """Compare the group with the best mean with each of the others, the nearest first.

    Parameters
    ----------
    groups
        Of each group the scores by seed.
    higher_is_better
        Whether the best mean is the highest one.
    """
    means = {name: float(np.mean(list(scores.values()))) for name, scores in groups.items() if scores}
    if not means:
        return []
    best, *others = sorted(means, key=lambda name: -means[name] if higher_is_better else means[name])
    found = [(name, difference(groups[best], groups[name])) for name in others]
    known = [entry.p for _, entry in found if entry.p is not None]
    corrected = iter(holm(known))
    return [
        Finding(best, name, entry, None if entry.p is None else next(corrected) < LEVEL)
        for name, entry in found
    ]


def in_words(findings: Sequence[Finding], score: str, scale: float = 1.0, digits: int = 3) -> list[str]:
    """Say which differences are larger than the seeds' noise, and how that is computed.

    Parameters
    ----------
    findings
        Of :func:`against_best`.
    score
        What is compared, as in "points of ACC".
    scale, digits
        What differences are multiplied with, and their decimals.
    """
    if not findings:
        return []
    if all(finding.larger is None for finding in findings):
        return ["One seed tells nothing of the seeds' noise: add seed=0,1,2 to tell differences from it."]

    def written(finding: Finding) -> str:
        mean, error = finding.difference.mean, finding.difference.standard_error or 0.0
        return (
            f"{finding.other} by {abs(mean) * scale:.{digits}f} (standard error {error * scale:.{digits}f})"
        )

    told = []
    best = findings[0].best
    for larger, head in ((True, "Larger than the seeds' noise"), (False, "Within the seeds' noise")):
        parts = [written(finding) for finding in findings if finding.larger is larger]
        if parts:
            told.append(f"{head}, in {score}: {best} is ahead of {', of '.join(parts)}.")
    unknown = [finding.other for finding in findings if finding.larger is None]
    if unknown:
        told.append(f"Of a single seed, so that nothing is known of its noise: {', '.join(unknown)}.")
    tests = [finding.difference for finding in findings if finding.larger is not None]
    kinds = [f"{tests[0].n} differences seed by seed"] if all(test.paired for test in tests) else []
    if not kinds:
        kinds = ["the differences seed by seed"] if any(test.paired for test in tests) else []
        kinds.append("Welch's of the means where the seeds differ")
    correction = f", with Holm's correction for {len(tests)} comparisons" if len(tests) > 1 else ""
    told.append(f"Computed by Student's t test of {', '.join(kinds)}, at 5 %{correction}.")
    return told
