"""Seeds folded into numbers, against numpy and scipy."""

import itertools
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from latentclust.evaluation.comparison import against_best, difference, holm, in_words, spread

score = st.floats(0, 1).map(lambda value: round(value, 6))
seeds = st.dictionaries(st.integers(0, 5), score, min_size=2, max_size=6)


@given(st.lists(score, min_size=2, max_size=8), st.booleans())
def test_a_spread_is_numpys(values: list[float], higher: bool) -> None:
    found = spread(values, higher_is_better=higher)
    assert found.mean == pytest.approx(np.mean(values))
    assert found.std == pytest.approx(np.std(values, ddof=1), abs=1e-12)
    assert {found.worst, found.best} == {min(values), max(values)}
    assert (found.best >= found.worst) is (higher or len(set(values)) == 1)
    if found.std and found.std > 1e-9:
        expected = stats.t.interval(0.95, len(values) - 1, np.mean(values), stats.sem(values))
        assert found.interval == pytest.approx(expected)


def test_one_seed_has_no_spread() -> None:
    assert spread([0.25]) == (0.25, None, 0.25, 0.25, 1, None)


@given(seeds, seeds)
def test_a_difference_is_scipys(first: dict[int, float], second: dict[int, float]) -> None:
    found = difference(first, second)
    nested = first.keys() <= second.keys() or second.keys() <= first.keys()
    common = [seed for seed in first if seed in second]
    assert found.paired is nested
    if nested:
        a, b = (np.array([group[seed] for seed in common]) for group in (first, second))
        error, n = stats.sem(a - b), len(common)
        constant = np.ptp(a - b) < 1e-9
    else:
        a, b = (np.array(list(group.values())) for group in (first, second))
        error, n = np.hypot(stats.sem(a), stats.sem(b)), min(len(a), len(b))
        constant = max(np.ptp(a), np.ptp(b)) < 1e-9
    assert found.mean == pytest.approx(a.mean() - b.mean(), abs=1e-12)
    assert found.standard_error == pytest.approx(error, abs=1e-12)
    assert found.n == n
    if not constant:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # of a group that is constant
            tested = stats.ttest_rel(a, b) if nested else stats.ttest_ind(a, b, equal_var=False)
        assert found.p == pytest.approx(tested.pvalue, abs=1e-9)


def test_pairs_see_what_the_seeds_hide() -> None:
    hard = {0: 0.20, 1: 0.50, 2: 0.80, 3: 0.95}
    better = {seed: value + 0.02 + 0.001 * (seed % 2) for seed, value in hard.items()}
    paired, apart = difference(better, hard), difference(better, {seed + 9: v for seed, v in hard.items()})
    assert paired.mean == pytest.approx(apart.mean)
    assert paired.p is not None
    assert apart.p is not None
    assert paired.p < 1e-3 < 0.9 < apart.p


def test_no_noise_at_all() -> None:
    assert difference({0: 0.5, 1: 0.5}, {0: 0.25, 1: 0.25}).p == 0
    assert difference({0: 0.5, 1: 0.5}, {2: 0.5, 3: 0.5}).p == 1
    assert difference({0: 0.5}, {0: 0.25}) == (0.25, None, False, 1, None)


@given(st.lists(st.floats(0, 1), max_size=5))
def test_holm_is_the_closure_of_bonferroni(ps: list[float]) -> None:
    """A hypothesis is rejected if each intersection that contains it is: Holm's rule, unfolded."""
    places = range(len(ps))
    for place, corrected in zip(places, holm(ps), strict=True):
        subsets = itertools.chain.from_iterable(itertools.combinations(places, n) for n in range(1, 6))
        closed = max(min(1.0, len(s) * min(ps[i] for i in s)) for s in subsets if place in s)
        assert corrected == pytest.approx(closed)


def test_the_best_is_compared_with_each_other_one() -> None:
    groups = {
        "low": {0: 0.10, 1: 0.11, 2: 0.12},
        "high": {0: 0.80, 1: 0.82, 2: 0.81},
        "near": {0: 0.82, 1: 0.79, 2: 0.80},
        "single": {0: 0.30},
    }
    found = against_best(groups)
    assert [(entry.best, entry.other) for entry in found] == [
        ("high", "near"),
        ("high", "single"),
        ("high", "low"),
    ]
    assert [entry.larger for entry in found] == [False, None, True]
    assert against_best(groups, higher_is_better=False)[0].best == "low"
    text = in_words(found, "points of ACC", 100, 1)
    assert text[0] == (
        "Larger than the seeds' noise, in points of ACC: high is ahead of low by 70.0 (standard error 0.6)."
    )
    assert text[1].startswith("Within the seeds' noise, in points of ACC: high is ahead of near by 0.7 ")
    assert "single" in text[2]
    assert text[3] == (
        "Computed by Student's t test of 3 differences seed by seed, at 5 %, "
        "with Holm's correction for 2 comparisons."
    )


def test_nothing_to_compare() -> None:
    assert against_best({}) == against_best({"alone": {0: 0.5}}) == []
    assert in_words([], "ACC") == []
    (line,) = in_words(against_best({"a": {0: 0.5}, "b": {0: 0.25}}), "ACC")
    assert "seed=0,1,2" in line
