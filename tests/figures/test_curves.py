from itertools import product

import numpy as np
import pytest

from latentclust.figures import save, training_curves

from .drawn import assert_legible, drawn_texts

EPOCHS = range(1, 41)
HISTORY = {
    "train/elbo": [(e, -150.0 + e) for e in EPOCHS],
    "train/reconstruction": [(e, 130.0 - e) for e in EPOCHS],
    "train/kl_z": [(e, 15.0) for e in EPOCHS],
    "train/kl_c": [(e, 1.5) for e in EPOCHS],
    "cluster/acc": [(e, e / 50) for e in EPOCHS],
    "cluster/nmi": [(e, e / 60) for e in EPOCHS],
    "cluster/ari": [(e, e / 70 - 0.1) for e in EPOCHS],
    "cluster/used": [(e, min(e, 10)) for e in EPOCHS],
    "learning_rate/networks": [(e, 2e-3 * 0.9**e) for e in EPOCHS],
    "perf/samples_per_second": [(e, 1000.0) for e in EPOCHS],
}
PANELS = [
    "Objective",
    "Divergence from the prior",
    "Agreement with the labels",
    "Clusters in use",
    "Learning rate",
]


def curves(figure):
    """Panel title -> label without its last value -> (T, 2)."""
    return {
        axes.get_title(loc="left"): {
            line.get_label().rsplit("  ", 1)[0]: np.column_stack(line.get_data()) for line in axes.lines
        }
        for axes in figure.axes
    }


def test_each_metric_is_drawn_in_its_panel():
    drawn = curves(training_curves(HISTORY, title="Digits"))
    assert list(drawn) == PANELS
    expected = {
        ("Objective", "reconstruction"): "train/reconstruction",
        ("Divergence from the prior", "KL of z"): "train/kl_z",
        ("Divergence from the prior", "KL of c"): "train/kl_c",
        ("Agreement with the labels", "ACC"): "cluster/acc",
        ("Agreement with the labels", "NMI"): "cluster/nmi",
        ("Agreement with the labels", "ARI"): "cluster/ari",
        ("Clusters in use", "in use"): "cluster/used",
        ("Learning rate", "networks"): "learning_rate/networks",
    }
    for (panel, label), name in expected.items():
        np.testing.assert_allclose(drawn[panel][label], HISTORY[name])
    assert sum(len(lines) for lines in drawn.values()) == len(expected) + 1


def test_the_elbo_is_drawn_as_the_sum_of_its_terms():
    terms = {"train/reconstruction": 100.0, "train/kl_z": 12.0, "train/kl_c": 2.0}
    history = {name: [(0, value)] for name, value in terms.items()} | {"train/elbo": [(0, -114.0)]}
    drawn = curves(training_curves(history, title="Digits"))
    np.testing.assert_array_equal(drawn["Objective"]["\u2212ELBO"], [[0, sum(terms.values())]])


def test_test_images_are_drawn_beside_those_trained_on():
    history = {
        f"{part}/{term}": [(1, -9.0)] for part in ("train", "test") for term in ("elbo", "reconstruction")
    }
    drawn = curves(training_curves(history, title="Digits"))["Objective"]
    assert set(drawn) == {"\u2212ELBO", "\u2212ELBO, test", "reconstruction", "reconstruction, test"}
    np.testing.assert_array_equal(drawn["\u2212ELBO, test"], [[1, 9.0]])


def both(names):
    """A history of each metric, and of its twin on test images, which is a tenth lower."""
    twins = {name: name.replace("train/", "test/").replace("cluster/", "cluster_test/") for name in names}
    return {
        twin: [(e, (0.9 if twin != name else 1.0) * value) for e, value in HISTORY[name]]
        for name in names
        for twin in (name, twins[name])
    }


@pytest.mark.parametrize(
    ("panel", "names"),
    [
        ("Objective", ["train/elbo", "train/reconstruction"]),
        ("Divergence from the prior", ["train/kl_z", "train/kl_c"]),
        ("Agreement with the labels", ["cluster/acc", "cluster/nmi", "cluster/ari"]),
        ("Clusters in use", ["cluster/used"]),
    ],
)
def test_what_is_measured_on_test_images_is_dashed_in_the_color_of_its_twin(panel, names):
    (axes,) = training_curves(both(names), title="Digits").axes
    assert axes.get_title(loc="left") == panel
    assert len(axes.lines) == 2 * len(names)
    for line, twin in zip(axes.lines[::2], axes.lines[1::2], strict=True):
        assert (line.get_linestyle(), twin.get_linestyle()) == ("-", "--")
        assert line.get_color() == twin.get_color()
        label, of_test = (curve.get_label().rsplit("  ", 1)[0] for curve in (line, twin))
        assert of_test == f"{label}, test"
        np.testing.assert_allclose(twin.get_ydata(), 0.9 * line.get_ydata())
    assert len({line.get_color() for line in axes.lines}) == len(names)
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    values = [line.get_label().rsplit("  ", 1)[1] for line in axes.lines]
    assert [text.rsplit("  ", 1)[1] for text in texts] == values
    assert [text.startswith("test  ") for text in texts] == [False, True] * len(names)


def test_the_legend_names_a_twin_in_full_where_another_has_none():
    history = {
        "train/elbo": [(0, -1.0)],
        "train/reconstruction": [(0, 1.0)],
        "test/reconstruction": [(0, 2.0)],
    }
    (axes,) = training_curves(history, title="Digits").axes
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    assert texts == ["\u2212ELBO  1", "reconstruction  1", "reconstruction, test  2"]


@pytest.mark.parametrize("method", ["cluster", "kmeans", "gmm"])
def test_each_clustering_has_its_scores_in_a_panel_of_its_own(method):
    history = {
        f"{m}/{score}": [(0, 0.5)] for m in ("kmeans", "gmm", method) for score in ("acc", "nmi", "ari")
    }
    drawn = curves(training_curves(history, title="Digits"))
    assert len(drawn) == len({"kmeans", "gmm", method})
    assert all(set(lines) == {"ACC", "NMI", "ARI"} for lines in drawn.values())


def test_self_training_is_drawn_where_there_is_any():
    drawn = curves(training_curves({"train/self_training": [(1, 0.5), (2, 0.25)]}, title="Digits"))
    np.testing.assert_array_equal(drawn["Self-training"]["cross-entropy"], [[1, 0.5], [2, 0.25]])


@pytest.mark.parametrize("n_epochs", [5, 40])
def test_no_legend_runs_beyond_its_panel_with_test_images_drawn_too(n_epochs):
    names = [name for name in HISTORY if name.startswith(("train/", "cluster/"))]
    history = {name: line[:n_epochs] for name, line in both(names).items()}
    for method in ("kmeans", "gmm"):
        for part, score in product(("", "_test"), ("acc", "nmi", "ari")):
            history[f"{method}{part}/{score}"] = [(e, 0.1234) for e in range(n_epochs)]
    figure = training_curves(history, title="Fashion-MNIST \u00b7 VaDE pretrained as an autoencoder")
    assert_legible(figure)
    for axes in figure.axes:
        assert axes.get_legend().get_window_extent().x1 <= axes.get_window_extent().x1 + 1


def test_only_panels_with_data_are_drawn():
    history = {"cluster/used": [(0, 10)], "cluster/acc": [], "train/elbow": [(0, 1)], "color-lrx": [(0, 1)]}
    assert list(curves(training_curves(history, title="Digits"))) == ["Clusters in use"]


def test_without_measurements_the_figure_says_so():
    figure = training_curves({}, title="Digits")
    assert figure.axes == []
    assert [text for text, _ in drawn_texts(figure)] == ["Digits", "no measurements yet"]


def test_the_legend_carries_the_last_value():
    figure = training_curves({"cluster/acc": [(0, 0.1), (1, 0.94321)]}, title="Digits")
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == ["ACC  0.9432"]


def test_scores_share_one_scale_and_a_negative_one_stays_in_view():
    usual = training_curves({"cluster/acc": [(0, 0.5), (1, 0.6)]}, title="Digits").axes[0]
    assert usual.get_ylim() == (0, 1)
    negative = training_curves({"cluster/ari": [(0, -0.2), (1, 0.1)]}, title="Digits").axes[0]
    assert negative.get_ylim() == (-0.2, 1)


@pytest.mark.parametrize("name", ["train/elbo", "cluster/acc", "cluster/used", "learning_rate/networks"])
@pytest.mark.parametrize("values", [[1.0, np.nan, np.inf, 1.0], [np.nan]])
def test_values_that_are_not_finite_leave_a_gap(name, values):
    figure = training_curves({name: list(enumerate(values))}, title="Digits")
    figure.draw_without_rendering()
    np.testing.assert_array_equal(np.abs(figure.axes[0].lines[0].get_ydata()), values)
    assert np.isfinite(figure.axes[0].get_ylim()).all()


@pytest.mark.parametrize(
    "names", [list(HISTORY), ["train/reconstruction"], ["cluster/acc", "cluster/nmi", "cluster/ari"]]
)
def test_no_text_covers_another(names):
    title = "Fashion-MNIST · VaDE pretrained as an autoencoder · 300 epochs"
    assert_legible(training_curves({name: HISTORY[name] for name in names}, title=title))


def test_the_same_input_gives_the_same_bytes(tmp_path):
    history = {name: HISTORY[name] for name in ("cluster/acc", "learning_rate/networks")}
    one, other = (save(training_curves(history, title="Digits"), tmp_path / f"{i}.png") for i in range(2))
    assert one.read_bytes() == other.read_bytes()
