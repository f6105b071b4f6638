"""The figure and the page of many seeds."""

import numpy as np
import pytest

from latentclust import figures
from latentclust.figures.comparison_page import PageRow, Problem, render_comparison


def test_every_seed_is_a_dot_at_its_value() -> None:
    groups = {"vade": [90.0, 92.0, 94.0], "a name that is much longer than there is room for it": [70.0]}
    figure = figures.seed_dots(groups, {"vade": (87.0, 97.0), "other": None}, title="ACC", unit="%")
    (axes,) = figure.axes
    dots = [np.asarray(drawn.get_offsets()) for drawn in axes.collections]
    assert [d[:, 0].tolist() for d in dots] == list(groups.values())
    for row, of_group in enumerate(dots):
        assert of_group[:, 1].mean() == pytest.approx(row)
        assert np.abs(of_group[:, 1] - row).max() < 0.5
    lines = [line.get_xdata() for line in axes.lines]
    assert [list(line) for line in lines] == [[87.0, 97.0], [92.0, 92.0], [70.0, 70.0]]
    low, high = axes.get_ylim()
    assert low > high  # the first group is on top
    assert [text.get_text() for text in axes.get_yticklabels()][1].endswith("…")


def test_the_page_escapes_and_links(tmp_path) -> None:
    row = PageRow(
        [("model", "<b>")], [("ACC %", "90.00", "", "", True)], [("0", "0/report.html"), ("1", None)]
    )
    path = render_comparison(
        tmp_path / "sweep.html",
        title="By model",
        sentence="2 runs",
        rows=[row],
        findings=["a > b"],
        problems=[Problem("2, seed=2", "failed", "because <i>", "2/latentclust.log")],
        figures={"missing": tmp_path / "missing.png"},
    )
    text = path.read_text()
    assert "<b>" not in text
    assert "because &lt;i&gt;" in text
    assert '<a href="0/report.html">0</a>' in text
    assert "could not be read" in text
