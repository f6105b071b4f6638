"""Preprocessing against scikit-learn and NumPy; what it undoes, and what it refuses."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.preprocessing import MinMaxScaler, StandardScaler, normalize

from latentclust.data import transforms
from latentclust.data.preprocess import CHUNK, TRANSFORMS, Preprocess, in_parts, suitable_steps
from latentclust.data.transforms import SAMPLE
from latentclust.errors import LatentclustError
from latentclust.steps import STEPS, parse

GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal([1, -20, 300, 4], [1, 5, 100, 0], (50, 4)).astype(np.float32)
COUNTS = GENERATOR.poisson(0.3, (40, 120)).astype(np.float32)


def fitted(steps: str, x: np.ndarray) -> tuple[Preprocess, np.ndarray]:
    preprocess = Preprocess.fit(steps.split("+"), torch.from_numpy(x))
    return preprocess, preprocess(torch.from_numpy(x)).numpy()


def test_standardize_is_scikit_learns() -> None:
    _, found = fitted("standardize", X)
    np.testing.assert_allclose(found, StandardScaler().fit_transform(X), atol=1e-4)


def test_standardize_measures_what_is_not_missing() -> None:
    holes = X.copy()
    holes[3, 0] = holes[7:, 2] = np.nan
    _, found = fitted("standardize", holes)
    np.testing.assert_allclose(found, StandardScaler().fit_transform(holes), atol=1e-4)
    assert np.isnan(found).sum() == 44


def test_unit_is_scikit_learns_of_vectors() -> None:
    _, found = fitted("unit", X)
    np.testing.assert_allclose(found, MinMaxScaler().fit_transform(X), atol=1e-5)


def test_unit_leaves_8_bit_images_and_makes_others_8_bits() -> None:
    images = torch.arange(24, dtype=torch.uint8).view(2, 1, 3, 4)
    preprocess = Preprocess.fit(["unit"], images)
    assert preprocess(images) is images
    assert in_parts(preprocess, images) is images
    floats = torch.tensor([-10.0, 0.0, 30.0]).view(3, 1, 1, 1)
    preprocess = Preprocess.fit(["unit"], floats)
    assert preprocess(floats).flatten().tolist() == [0, round(255 / 4), 255]
    assert preprocess(torch.full((1, 1, 1, 1), 99.0)).item() == 255
    within = torch.tensor([0.25, 0.5]).view(2, 1, 1, 1)
    assert Preprocess.fit(["unit"], within)(within).flatten().tolist() == [64, 128]


def test_log1p_scales_rows_to_the_median_total() -> None:
    _, found = fitted("log1p", COUNTS)
    totals = COUNTS.sum(axis=1, keepdims=True)
    median = torch.from_numpy(totals).median().item()
    np.testing.assert_allclose(found, np.log1p(COUNTS * median / totals), rtol=1e-5)


def test_scale_divides_by_one_number() -> None:
    _, found = fitted("scale", X)
    centered = X - X.mean(axis=0)
    np.testing.assert_allclose(found, centered / np.sqrt(centered.var(axis=0).mean()), atol=1e-4)
    assert found.var(axis=0).mean() == pytest.approx(1, rel=1e-4)


def test_normalize_is_scikit_learns_but_for_one_number() -> None:
    _, found = fitted("normalize", X)
    np.testing.assert_allclose(found, normalize(X) * np.sqrt(X.shape[1]), rtol=1e-5)
    assert fitted("normalize", np.zeros((2, 3), np.float32))[1].tolist() == [[0, 0, 0]] * 2


def test_normalize_measures_what_is_not_missing() -> None:
    rows = np.array([[3, np.nan, -4], [np.nan] * 3], np.float32)
    _, found = fitted("normalize", rows)
    np.testing.assert_allclose(found[0], rows[0] / np.sqrt((9 + 16) / 2), rtol=1e-6)
    assert np.isnan(found[1]).all()


def test_pearson_residuals_are_counts_less_what_the_totals_say() -> None:
    """Cell by cell; without overdispersion their squares would sum to the table's chi-squared statistic."""
    counts = COUNTS.copy()
    counts[:, 0] = 0  # in no row at all
    counts[3, 5] = 1000
    _, found = fitted("pearson", counts)
    table, limit = counts.astype(np.float64), np.sqrt(40)
    for i, j in [(0, 0), (0, 1), (3, 5), (3, 6), (39, 119)]:
        expected = table[i].sum() * table[:, j].sum() / table.sum()
        residual = (table[i, j] - expected) / np.sqrt(expected + expected**2 / 100) if expected else 0
        assert found[i, j] == pytest.approx(np.clip(residual, -limit, limit), rel=1e-4, abs=1e-6)
    assert found[3, 5] == pytest.approx(limit)


def test_a_feature_that_no_fitted_row_had_says_nothing_of_new_rows() -> None:
    counts = COUNTS.copy()
    counts[:, :2] = 0
    preprocess, _ = fitted("pearson", counts)
    new = torch.from_numpy(counts[:1].copy())
    new[0, 0], new[0, 1] = 7, torch.nan
    residuals = preprocess(new).numpy()[0]
    assert residuals[0] == 0
    assert np.isnan(residuals[1])
    assert np.isfinite(residuals[2:]).all()
    assert residuals[2:].any()


@pytest.mark.parametrize("step", ["log1p", "pearson"])
def test_a_row_of_zeros_stays_one(step: str) -> None:
    counts = np.vstack([COUNTS, np.zeros((1, 120), np.float32)])
    assert not fitted(step, counts)[1][-1].any()


def test_top_keeps_what_varies_most_in_its_order() -> None:
    preprocess, found = fitted("top:2", X)
    np.testing.assert_array_equal(found, X[:, [1, 2]])
    back = preprocess.inverse(torch.from_numpy(found)).numpy()
    np.testing.assert_array_equal(back[:, [1, 2]], X[:, [1, 2]])
    np.testing.assert_allclose(back[:, [0, 3]], np.tile(X[:, [0, 3]].mean(axis=0), (50, 1)), rtol=1e-4)


def test_pca_is_scikit_learns_over_one_number() -> None:
    _, found = fitted("pca:2", X)
    expected = PCA(2).fit_transform(X)
    scale = (found / expected).flatten()
    np.testing.assert_allclose(np.abs(scale), abs(scale[0]), rtol=1e-3)
    assert found.var(axis=0, ddof=1).sum() == pytest.approx(2, rel=1e-3)


@pytest.mark.parametrize("offset", [0.0, 1e3, -3e4])
@pytest.mark.parametrize("sample", [SAMPLE, 10_000])
def test_principal_components_do_not_depend_on_where_the_rows_lie(
    offset: float, sample: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transforms, "SAMPLE", sample)
    rng = np.random.default_rng(0)
    axes = np.linalg.qr(rng.normal(size=(30, 5)))[0].T
    rows = (3 * rng.normal(size=(20_000, 5)) @ axes + 0.5 * rng.normal(size=(20_000, 30))).astype(np.float32)
    moved = torch.from_numpy(rows + np.float32(offset))
    pca = transforms.PCA.fit(moved, 5)
    cosines = np.linalg.svd(pca.components.numpy() @ axes.T, compute_uv=False)
    assert cosines.min() > 0.999
    assert pca.scale.item() == pytest.approx(np.sqrt(9 + 0.25), rel=0.01)
    if sample == SAMPLE:
        np.testing.assert_allclose(pca.mean.numpy(), moved.double().mean(dim=0).numpy(), rtol=1e-6, atol=1e-6)
    assert moved.equal(torch.from_numpy(rows + np.float32(offset)))  # the rows stay what they are


@pytest.mark.parametrize(
    "steps", ["standardize", "scale", "unit", "standardize+pca:4", "log1p", "pearson", "none"]
)
def test_what_was_done_can_be_undone(steps: str) -> None:
    x = np.abs(X) / np.abs(X).sum(axis=1, keepdims=True)  # rows of one total, for log1p
    preprocess, found = fitted(steps, x)
    np.testing.assert_allclose(preprocess.inverse(torch.from_numpy(found)).numpy(), x, atol=1e-4)


@pytest.mark.parametrize("steps", ["scale", "unit", "scale+normalize", "pearson+top:30+pca:5", "none"])
def test_a_checkpoint_carries_it(steps: str) -> None:
    preprocess, found = fitted(steps, COUNTS)
    again = Preprocess.of_plain(preprocess.plain())
    assert again.steps == preprocess.steps
    assert "+".join(str(step) for step in again.steps) == steps
    np.testing.assert_array_equal(again(torch.from_numpy(COUNTS)).numpy(), found)
    assert not preprocess.state_dict()  # weights are another part of the checkpoint


def test_chunks_make_no_difference() -> None:
    x = torch.randn(2 * CHUNK + 3, 3)
    preprocess = Preprocess.fit(["standardize"], x)
    assert torch.equal(in_parts(preprocess, x), preprocess(x))


def test_suitable_steps_follow_the_inputs() -> None:
    assert suitable_steps(torch.zeros(3, 1, 2, 2))[0] == ["unit"]
    assert suitable_steps(torch.from_numpy(X))[0] == ["standardize"]
    assert suitable_steps(torch.from_numpy(X[:, :1]))[0] == ["standardize"]
    # Some that hardly vary do no harm; one that varies more than four times as much as the others does.
    one_unit = GENERATOR.normal(0, [0.01, 1, 1, 1, 3.9], (500, 5)).astype(np.float32)
    assert suitable_steps(torch.from_numpy(one_unit))[0] == ["scale"]
    assert suitable_steps(torch.from_numpy(one_unit * [1, 1, 1, 1, 1.2]))[0] == ["standardize"]
    assert suitable_steps(torch.from_numpy(COUNTS))[0] == ["pearson", "normalize"]
    wide = torch.from_numpy(GENERATOR.poisson(0.1, (60, 3000)).astype(np.float32))
    assert suitable_steps(wide)[0] == ["pearson", "top:2000", "pca:50", "normalize"]


def test_rows_of_many_features_are_normalized() -> None:
    rows = torch.from_numpy(GENERATOR.normal(0, 1, (300, 100)).astype(np.float32))
    assert suitable_steps(rows)[0] == ["scale", "normalize"]
    assert suitable_steps(rows[:, :99])[0] == ["scale"]
    rows[:, 0] *= 100
    assert suitable_steps(rows)[0] == ["standardize", "normalize"]


def test_pixels_that_are_mostly_black_are_no_counts() -> None:
    ink = GENERATOR.integers(1, 256, (200, 784)) * (GENERATOR.random((200, 784)) < 0.2)
    assert suitable_steps(torch.from_numpy(ink.astype(np.float32)))[0] == ["scale", "normalize"]
    assert suitable_steps((torch.rand(50, 200) < 0.9).float())[0] == ["scale", "normalize"]  # not sparse


def test_rows_that_are_sorted_are_looked_at_from_all_over() -> None:
    rows = torch.zeros(30_000, 2)
    rows[:, 0] = torch.randn(30_000)
    rows[20_000:, 1] = 100 * torch.randn(10_000)
    assert suitable_steps(rows)[0] == ["standardize"]
    rows[:, 1] /= 50
    assert suitable_steps(rows)[0] == ["scale"]


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ("whiten", "'whiten': it must be one of unit"),
        ("pca", "'pca': it must be one of"),
        ("pca:0", "a whole number n"),
        ("pca:x", "a whole number n"),
        ("unit:3", "'unit:3'"),
        ("pca:5", "more than 50 rows of 4 features have"),
        ("log1p", "some values are negative"),
        ("pearson", "some values are negative"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(steps: str, message: str) -> None:
    with pytest.raises(LatentclustError, match=message) as caught:
        fitted(steps, X)
    assert len(str(caught.value).splitlines()) == 1


def test_holes_and_images_are_no_matter_for_principal_components() -> None:
    holes = X.copy()
    holes[0, 0] = np.nan
    with pytest.raises(LatentclustError, match="some values are missing"):
        fitted("pca:2", holes)
    with pytest.raises(LatentclustError, match="these are images: choose unit"):
        Preprocess.fit(["standardize"], torch.zeros(3, 1, 2, 2))


def test_images_of_floats_are_made_8_bits() -> None:
    with pytest.raises(LatentclustError, match=r"none is for 8-bit images and vectors, .* choose unit"):
        Preprocess.fit(["none"], torch.zeros(3, 1, 2, 2))
    bytes_ = torch.zeros(3, 1, 2, 2, dtype=torch.uint8)
    assert Preprocess.fit(["none"], bytes_)(bytes_).dtype == torch.uint8
    assert Preprocess.fit(["none", "unit"], torch.zeros(3, 1, 2, 2))(bytes_.float()).dtype == torch.uint8


def test_each_step_that_can_be_written_is_there() -> None:
    assert tuple(TRANSFORMS) == STEPS


def test_a_step_may_be_written_with_an_equals_sign() -> None:
    assert parse("pca=50") == parse("pca:50") == ("pca", 50)
