import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from latentclust.figures.labels import spread

points = st.tuples(st.floats(0, 300), st.floats(0, 300))
extents = st.tuples(st.floats(5, 60), st.floats(5, 20))
page = np.array([400.0, 400.0])


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(points, extents), min_size=1, max_size=20))
def test_no_two_boxes_overlap_and_all_stay_on_the_page(boxes):
    anchors, sizes = (np.array(column) for column in zip(*boxes, strict=True))
    centers = spread(anchors, sizes, page)
    apart = np.abs(centers[:, None] - centers[None]) - (sizes[:, None] + sizes[None]) / 2
    assert ((apart.max(axis=2) > -1e-6) | np.eye(len(boxes), dtype=bool)).all()
    assert (centers >= sizes / 2 - 1e-6).all()
    assert (centers <= page - sizes / 2 + 1e-6).all()


def test_boxes_that_are_apart_do_not_move():
    anchors = np.array([[50.0, 50.0], [100.0, 50.0], [50.0, 80.0]])
    np.testing.assert_array_equal(spread(anchors, np.full((3, 2), 20.0), page), anchors)


def test_a_box_too_large_for_the_page_stays_on_its_anchor():
    anchor = np.array([[50.0, 50.0]])
    np.testing.assert_array_equal(spread(anchor, np.array([[900.0, 10.0]]), page), anchor)
