"""Few codes, equal codes, more dimensions than codes: each start is a valid mixture, or is refused."""

import warnings

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from latentclust.clustering import (
    Initialization,
    fit,
    fit_vote,
    nearest,
    nearest_images,
    require_possible,
)
from latentclust.errors import LatentclustError
from latentclust.registry import STARTS

OPTIONS = {"gmm": {"n_init": 1}, "semitied": {"n_init": 1, "max_iter": 20}, "kmeans": {"n_init": 1}} | {
    "merged": {"n_init": 1},
    "manifold": {"n_init": 1, "n_epochs": 5},
}


def codes_of(n: int, dims: int, distinct: int) -> np.ndarray:
    """N codes of which so many at most are different."""
    return np.random.default_rng(0).normal(size=(distinct, dims))[np.arange(n) % distinct]


def assert_valid(fitted: Initialization, n: int, dims: int, k: int) -> None:
    weights, means, variances = fitted.parameters
    assert weights.shape == (k,)
    assert means.shape == variances.shape == (k, dims)
    assert all(torch.isfinite(part).all() for part in fitted.parameters)
    assert weights.sum().item() == pytest.approx(1, abs=1e-5)
    assert (weights > 0).all()
    assert (variances > 0).all()
    assert fitted.clusters.shape == (n,)
    assert set(fitted.clusters.tolist()) <= set(range(k))
    assert np.isfinite(fitted.objective)


@st.composite
def cases(draw: st.DrawFn) -> tuple[int, int, int, int]:
    n = draw(st.integers(1, 24))
    dims = draw(st.sampled_from([1, 2, 3, 10, 40]))
    return n, dims, draw(st.integers(1, min(n, 12))), draw(st.integers(1, n))


@pytest.mark.parametrize("name", STARTS)
@settings(max_examples=15)
@given(cases())
@example((1, 2, 1, 1))
@example((2, 1, 2, 2))
@example((3, 2, 2, 1))
@example((10, 10, 10, 10))
@example((11, 10, 10, 11))
@example((60, 40, 10, 1))
def test_every_start_is_valid_or_refused(name: str, case: tuple[int, int, int, int]) -> None:
    n, dims, k, distinct = case
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            fitted = fit(name, codes_of(n, dims, distinct), k, **OPTIONS[name])
        except LatentclustError:
            fitted = None
    if fitted is None:
        assert n == 1  # nothing else is refused
        with pytest.raises(LatentclustError, match="only one image"):
            require_possible(name, n)
    else:
        assert_valid(fitted, n, dims, k)


@pytest.mark.parametrize("name", ["kmeans", "manifold"])
def test_more_dimensions_than_codes(name: str) -> None:
    assert_valid(fit(name, codes_of(300, 500, 300), 10, **OPTIONS[name]), 300, 500, 10)


@settings(max_examples=25)
@given(cases())
def test_the_vote_of_few_is_valid(case: tuple[int, int, int, int]) -> None:
    n, dims, k, distinct = case
    codes = codes_of(n, dims, distinct)
    senses = [nearest(codes, min(6, n)), nearest(codes, max(1, n - 1))]
    assert_valid(fit_vote(codes, k, np.arange(n) % k, senses), n, dims, k)


@settings(max_examples=25)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 9), st.integers(1, 9), st.booleans())
def test_neighbors_among_few_images(n: int, wanted: int, height: int, width: int, equal: bool) -> None:
    shape = (1 if equal else n, 2, height, width)
    images = torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    wanted = min(wanted, n)
    found = nearest_images(images.expand(n, -1, -1, -1), wanted, candidates=5)
    assert found.indices.shape == found.distances.shape == (n, wanted)
    assert all(len(set(row)) == wanted for row in found.indices.tolist())
    assert np.isfinite(found.distances).all()


def test_few_codes_in_two_groups_are_told_apart_by_their_graph() -> None:
    codes = np.concatenate([codes_of(6, 10, 6), 100 + codes_of(6, 10, 6)])
    clusters = fit("manifold", codes, 2).clusters
    assert len(set(clusters[:6].tolist())) == len(set(clusters[6:].tolist())) == 1
    assert clusters[0] != clusters[6]
