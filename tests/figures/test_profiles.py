"""What tells clusters of vectors apart, against NumPy and pandas' own words."""

import numpy as np
import pytest

from latentclust.figures import profile_map, standardized_means

RNG = np.random.default_rng(0)


def test_means_are_in_standard_deviations() -> None:
    x, clusters = RNG.normal(5, 3, (60, 4)), RNG.integers(0, 3, 60)
    expected = [((x[clusters == c].mean(axis=0) - x.mean(axis=0)) / x.std(axis=0)) for c in range(3)]
    np.testing.assert_allclose(standardized_means(x, clusters), expected)


def test_missing_values_are_left_out_and_constant_features_are_0() -> None:
    x, clusters = RNG.normal(size=(40, 3)), np.repeat([0, 2], 20)
    x[:, 1] = 7
    x[3:9, 0] = np.nan
    means = standardized_means(x, clusters)
    expected = (np.nanmean(x[:20, 0]) - np.nanmean(x[:, 0])) / np.nanstd(x[:, 0])
    assert means[0, 0] == pytest.approx(expected)
    assert means[0, 1] == 0
    assert np.isnan(means[1]).all()  # no member


def test_of_many_features_those_that_differ_most_are_drawn() -> None:
    means = np.zeros((2, 100))
    means[:, 17], means[:, 60] = [-2, 2], [-1, 1]
    figure = profile_map(means, feature_names=[f"gene{i}" for i in range(100)], title="t", limit=2)
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["gene17", "gene60"]
    assert "2 of 100 features" in " ".join(figure.get_suptitle().split())
