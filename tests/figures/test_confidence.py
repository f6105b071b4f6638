import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.patches import Rectangle

from latentclust.errors import LatentclustError
from latentclust.figures import calibration, reliability, save

from .drawn import assert_legible, drawn_texts

TITLE = "Fashion-MNIST · VaDE · epoch 300 · how often the clusters are right, by their confidence"
# Edges of bins, too, where an image must fall into one bin and no other.
confidences = st.one_of(st.floats(0, 1), st.sampled_from([i / 20 for i in range(21)]))


def images(n=2000, seed=0):
    rng = np.random.default_rng(seed)
    confidence = rng.beta(4, 0.7, n).clip(0.1, 1)
    return confidence, rng.uniform(size=n) < confidence**1.5


@settings(deadline=None, max_examples=200)
@given(st.lists(st.tuples(confidences, st.booleans()), min_size=1, max_size=40), st.integers(1, 20))
def test_calibration_agrees_with_a_loop_over_bins_and_images(pairs, n_bins):
    confidence, correct = np.array([c for c, _ in pairs]), np.array([right for _, right in pairs])
    found = calibration(confidence, correct, n_bins)
    np.testing.assert_allclose(found.edges, [b / n_bins for b in range(n_bins + 1)])
    expected = 0.0
    for b in range(n_bins):
        low, high = found.edges[b], found.edges[b + 1]
        inside = [(c, right) for c, right in pairs if low < c <= high or (b == 0 and c == 0)]
        assert found.counts[b] == len(inside)
        if not inside:
            assert np.isnan([found.confidence[b], found.accuracy[b]]).all()
            continue
        mean = sum(c for c, _ in inside) / len(inside)
        share = sum(right for _, right in inside) / len(inside)
        assert found.confidence[b] == pytest.approx(mean)
        assert found.accuracy[b] == pytest.approx(share)
        expected += len(inside) / len(pairs) * abs(share - mean)
    assert found.error == pytest.approx(expected, abs=1e-12)


def test_a_model_that_is_right_as_often_as_it_says_has_no_error():
    confidence = np.repeat([0.25, 0.75, 1.0], [400, 400, 10])
    correct = np.concatenate([np.arange(400) < 100, np.arange(400) < 300, np.ones(10, bool)])
    assert calibration(confidence, correct).error == 0
    assert calibration(confidence, ~correct).error == pytest.approx((400 * 0.5 + 400 * 0.5 + 10) / 810)


def test_float32_rounding_above_one_counts_as_one():
    found = calibration(np.array([1.00001, 0.5], np.float32), np.array([True, False]), 2)
    assert found.counts.tolist() == [1, 1]
    assert found.confidence.tolist() == [0.5, 1.0]


def bars(axes):
    return [p for p in axes.patches if isinstance(p, Rectangle)]


@pytest.mark.parametrize("n_bins", [1, 5, 10, 15])
def test_bars_stand_for_accuracy_confidence_and_counts(n_bins):
    confidence, correct = images()
    found = calibration(confidence, correct, n_bins)
    figure = reliability(confidence, correct, title="Digits", n_bins=n_bins)
    upper, lower = figure.axes
    some = np.flatnonzero(found.counts)
    drawn = bars(upper)
    accuracy, gap = drawn[: len(some)], drawn[len(some) :]
    for b, bar, rest in zip(some, accuracy, gap, strict=True):
        assert (bar.get_x(), bar.get_x() + bar.get_width()) == pytest.approx(found.edges[b : b + 2].tolist())
        assert bar.get_height() == pytest.approx(found.accuracy[b])
        ends = rest.get_y(), rest.get_y() + rest.get_height()
        assert ends == pytest.approx((found.accuracy[b], found.confidence[b]))
        assert (rest.get_x(), rest.get_width()) == (bar.get_x(), bar.get_width())
    assert [bar.get_height() for bar in bars(lower)] == found.counts.tolist()
    assert lower.get_yscale() == "log"
    (diagonal,) = upper.lines
    np.testing.assert_array_equal(diagonal.get_data(), [[0, 1], [0, 1]])
    text = " ".join(text for text, _ in drawn_texts(figure))
    assert f"error {found.error:.3f}" in text
    assert f"accuracy {correct.mean():.1%}" in text


def test_a_single_image_in_a_bin_can_be_seen_beside_seventy_thousand():
    confidence, correct = np.append(np.full(70_000, 0.999), 0.2), np.ones(70_001, bool)
    lower = reliability(confidence, correct, title="Digits").axes[1]
    base = lower.transAxes.transform((0, 0))[1]
    heights = [
        lower.transData.transform((0, b.get_height()))[1] - base for b in bars(lower) if b.get_height()
    ]
    assert min(heights) > 5
    assert max(heights) < lower.get_window_extent().height


@pytest.mark.parametrize("n", [1, 300, 200_000])
@pytest.mark.parametrize("n_bins", [1, 10, 15, 40])
def test_no_text_covers_another(n, n_bins):
    confidence, correct = images(n)
    figure = reliability(confidence, correct, title=TITLE, n_bins=n_bins)
    assert_legible(figure)
    counts = {f"{count:,}" for count in calibration(confidence, correct, n_bins).counts if count}
    if n_bins == 10:
        assert counts <= {text for text, _ in drawn_texts(figure)}


RIGHT = np.array([True, False])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.array([0.5]), RIGHT), "N >= 1 images"),
        ((np.zeros((2, 2)), np.zeros((2, 2), bool)), "N >= 1 images"),
        ((np.zeros(0), np.zeros(0, bool)), "N >= 1 images"),
        ((np.array([0.5, 0.6]), RIGHT, 0), "n_bins >= 1"),
        ((np.array([0.5, 1.1]), RIGHT), r"lies in \[0, 1\]"),
        ((np.array([-0.1, 1]), RIGHT), r"lies in \[0, 1\]"),
        ((np.array([np.nan, 1]), RIGHT), r"lies in \[0, 1\]"),
        ((np.array([0.5, 0.6]), np.array([3, 7])), "True and False"),
    ],
)
def test_mistakes_are_named(arguments, message):
    with pytest.raises(LatentclustError, match=message):
        calibration(*arguments)
    with pytest.raises(LatentclustError, match=message):
        reliability(*arguments[:2], title="Digits", n_bins=(*arguments, 10)[2])


def test_the_same_input_gives_the_same_bytes(tmp_path):
    one, other = (save(reliability(*images(), title="Digits"), tmp_path / f"{i}.png") for i in range(2))
    assert one.read_bytes() == other.read_bytes()
