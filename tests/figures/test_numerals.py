"""The scatter whose points are numerals."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgb

from latentclust.figures import numeral_scatter
from latentclust.figures.numerals import free_places, symbols
from latentclust.figures.style import NO_GROUP, PALETTE

from .drawn import assert_legible
from .test_scatters import NAMES, TITLE, blobs


def glyphs(figure):
    """Each drawn thing as (x, y, color, its height in points)."""
    return [
        (
            float(x),
            float(y),
            tuple(c.get_facecolor()[0, :3].tolist()),
            float(c.get_paths()[0].get_extents().height),
        )
        for c in figure.axes[0].collections
        for x, y in c.get_offsets()
    ]


def test_every_point_is_drawn_once_as_a_numeral_or_a_dot_of_its_class():
    points, groups = blobs(2, 10, 1000)
    drawn = glyphs(numeral_scatter(points, groups, title="Blobs"))
    assert len(drawn) == 1000
    assert {item[:3] for item in drawn} == {
        (float(x), float(y), to_rgb(PALETTE[group])) for (x, y), group in zip(points, groups, strict=True)
    }
    heights = np.array([height for *_, height in drawn])
    assert set(np.unique(heights > 4).tolist()) == {True, False}, "these blobs overlap, so some are dots"


def test_numerals_with_room_around_them_are_all_drawn_and_look_like_their_text():
    points = np.array([[float(x), float(y)] for y in range(2) for x in range(5)])
    figure = numeral_scatter(points, np.arange(10), title="Digits")
    collections = {
        int(np.flatnonzero((points == c.get_offsets()[0]).all(1))[0]): c for c in figure.axes[0].collections
    }
    assert sorted(collections) == list(range(10))
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[..., :3]
    for digit, collection in collections.items():
        x, y = figure.axes[0].transData.transform(points[digit])
        size = collection.get_paths()[0].get_extents().size * figure.dpi / 72
        box = np.argwhere(
            (pixels != 255).any(axis=2)[
                round(len(pixels) - y - 40) : round(len(pixels) - y + 40), round(x - 40) : round(x + 40)
            ]
        )
        # On the page it stands in the middle of its point, and as large as its outline says.
        np.testing.assert_allclose((box.min(0) + box.max(0)) / 2, 40, atol=1.5)
        np.testing.assert_allclose(np.ptp(box, axis=0)[::-1] + 1, size, atol=2)
    with_hole = [d for d, c in collections.items() if (c.get_paths()[0].codes == 79).sum() > 1]
    assert with_hole == [0, 4, 6, 8, 9], "these numerals have a hole, or two"


def test_points_without_a_class_are_gray_dots():
    points, groups = blobs(2, 2)
    groups[groups == 1] = -1
    drawn = glyphs(numeral_scatter(points, groups, title="Blobs"))
    gray = [height for *_, face, height in drawn if face == to_rgb(NO_GROUP)]
    assert len(gray) == (groups < 0).sum()
    assert max(gray) < 4


@settings(deadline=None, max_examples=50)
@given(arrays(float, st.tuples(st.integers(0, 30), st.just(2)), elements=st.floats(0, 100)))
def test_chosen_boxes_do_not_overlap_and_none_is_left_out_needlessly(centers):
    sizes = np.tile([12.0, 8.0], (len(centers), 1))
    chosen = free_places(centers, sizes)
    for i, center in enumerate(centers):
        others = [j for j in np.flatnonzero(chosen) if j != i]
        covered = any((np.abs(center - centers[j]) < (12, 8)).all() for j in others)
        assert covered != chosen[i]


def test_first_letters_tell_the_names_apart():
    assert symbols(NAMES) == ["Ts", "Tr", "P", "D", "C", "Sa", "Sh", "Sn", "Ba", "Bo"]
    assert symbols(["1", "11", "111"]) == ["1", "11", "111"]
    assert symbols(["-", "shirt", "shirts"]) == ["-", "shi", "shi"]


def test_letters_are_explained_in_a_legend_and_numerals_explain_themselves():
    points, groups = blobs(2, 10)
    named = numeral_scatter(points, groups, title=TITLE, group_names=NAMES)
    assert [text.get_text() for text in named.axes[0].get_legend().get_texts()] == NAMES
    assert_legible(named)
    for names in (None, [str(d) for d in range(10)]):
        assert numeral_scatter(points, groups, title=TITLE, group_names=names).axes[0].get_legend() is None


def test_a_name_of_blanks_is_a_dot():
    assert len(glyphs(numeral_scatter(np.eye(2), np.zeros(2, int), title="Two", group_names=[" "]))) == 2


def test_numerals_are_no_text_that_a_reader_of_the_svg_must_have_a_font_for():
    figure = numeral_scatter(*blobs(2), title="Blobs")
    assert all(isinstance(item, PathCollection) for item in figure.axes[0].collections)
    assert list(figure.axes[0].texts) == []
