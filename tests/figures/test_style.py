import subprocess
import sys
from itertools import combinations

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from latentclust import atomic
from latentclust.errors import LatentclustError
from latentclust.figures import save
from latentclust.figures.style import (
    PALETTE,
    RC,
    color,
    marker,
    new_figure,
    text_width,
    wrapped,
)

# Machado, Oliveira, Fernandes 2009, severity 1.0: how the color-blind see linear RGB.
VISION = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
RGB_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)


def cielab(name, vision):
    rgb = np.asarray(to_rgb(name))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = RGB_TO_XYZ @ np.clip(vision @ linear, 0, 1) / (0.95047, 1.0, 1.08883)
    x, y, z = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("vision", VISION)
def test_ten_colors_stay_apart_for_color_blind_readers(vision):
    labs = [cielab(name, VISION[vision]) for name in [*PALETTE, "white"]]
    assert len(PALETTE) == 10
    assert min(np.linalg.norm(a - b) for a, b in combinations(labs, 2)) > 15


def test_no_two_of_eighty_groups_look_alike():
    looks = {(color(group), marker(group)) for group in range(80)}
    assert len(looks) == 80
    assert color(-1) not in PALETTE


@pytest.mark.parametrize("text", ["Digits", "W i d e", "trailing  ", "a$b$c", "π = 0.12"])
@pytest.mark.parametrize("bold", [True, False])
def test_text_width_is_what_the_renderer_draws(text, bold):
    with mpl.rc_context(RC):
        figure = Figure(dpi=100)
        weight = "bold" if bold else "normal"
        drawn = figure.text(0, 0, text, fontsize=40, fontweight=weight)
        box = drawn.get_window_extent(FigureCanvasAgg(figure).get_renderer())
    assert text_width(text, 40, bold=bold) == pytest.approx(box.width / 100, rel=0.05, abs=0.05)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.text("abcMW ", min_size=1, max_size=12), max_size=12), st.floats(0.5, 6))
def test_wrapped_lines_fit_and_keep_every_word(words, inches):
    text = " ".join(words)
    lines = wrapped(text, 12, inches).splitlines()
    assert " ".join(lines).split() == text.split()
    assert all(text_width(line, 12, bold=True) <= inches for line in lines if " " in line)


def test_a_long_title_makes_the_page_taller_and_not_the_plot_smaller():
    heights = []
    for title in ("Short", "Long " * 30):
        figure = new_figure(4, 3, title)
        axes = figure.add_subplot()
        figure.draw_without_rendering()
        heights.append(axes.get_window_extent().height)
    assert heights[1] == pytest.approx(heights[0], rel=0.05)


def example():
    figure = new_figure(4, 3, "A title")
    figure.add_subplot().plot([1, 3, 2])
    return figure


def test_save_writes_a_png_and_on_request_an_svg(tmp_path):
    png = save(example(), tmp_path / "new" / "folder" / "figure.png", svg=True)
    assert png.read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in png.with_suffix(".svg").read_bytes()
    assert sorted(path.name for path in png.parent.iterdir()) == ["figure.png", "figure.svg"]


def test_a_dot_in_a_name_is_no_suffix(tmp_path):
    assert save(example(), tmp_path / "beta=0.5", svg=True) == tmp_path / "beta=0.5.png"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["beta=0.5.png", "beta=0.5.svg"]


def test_save_gives_the_same_bytes_for_the_same_figure(tmp_path):
    one, other = (save(example(), tmp_path / f"{i}" / "figure", svg=True) for i in range(2))
    assert one.read_bytes() == other.read_bytes()
    assert one.with_suffix(".svg").read_bytes() == other.with_suffix(".svg").read_bytes()


def test_save_that_fails_leaves_the_old_file_and_no_draft(tmp_path, monkeypatch):
    path = save(example(), tmp_path / "figure.png")
    before = path.read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic.os, "fsync", full)
    with pytest.raises(LatentclustError, match="No space left on device"):
        save(new_figure(1, 1, ""), path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["figure.png"]


def test_save_below_a_file_says_what_to_do(tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(LatentclustError, match="choose another output_dir"):
        save(example(), tmp_path / "taken" / "figure.png")


def test_the_style_leaves_the_users_settings_alone(tmp_path):
    before = dict(mpl.rcParams)
    save(example(), tmp_path / "figure.png")
    assert dict(mpl.rcParams) == before


def test_figures_load_no_pyplot_lightning_or_hydra():
    code = (
        "import sys, latentclust.figures as f; "
        "print({'matplotlib.pyplot', 'lightning', 'hydra', 'torch'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
