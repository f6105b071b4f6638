"""What a figure really puts on the page, as the tests see it."""

from itertools import combinations
from unittest import mock

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from matplotlib.transforms import Affine2D, Bbox


def _drawn(figure):
    """All texts that are drawn, as (text, box, angle, box on a page turned by that angle)."""
    found = []
    draw = Text.draw

    def record(self, renderer, *args, **kwargs):
        if self.get_visible() and self.get_text():
            turned = box = Text.get_window_extent(self, renderer)
            if angle := self.get_rotation() % 90:
                anchor = self.get_transform().transform(self.get_position())
                with mock.patch.object(self, "get_rotation", return_value=0):
                    level = Text.get_window_extent(self, renderer)
                turned = level.translated(*(Affine2D().rotate_deg(-angle).transform(anchor) - anchor))
            found.append((self.get_text(), box.extents, angle, turned.extents))
        return draw(self, renderer, *args, **kwargs)

    with mock.patch.object(Text, "draw", record):
        FigureCanvasAgg(figure).draw()
    return found


def drawn_texts(figure):
    """All texts that are drawn, with their boxes in pixels."""
    return [(text, Bbox.from_extents(*box)) for text, box, *_ in _drawn(figure)]


def assert_legible(figure):
    """No text covers another, and none runs off the page."""
    found = _drawn(figure)
    assert found
    for (one, a, turn, a_turned), (other, b, turn_b, b_turned) in combinations(found, 2):
        if turn == turn_b:
            a, b = a_turned, b_turned
        covers = (np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]) > 0.5).all()
        assert not covers, f"{one!r} and {other!r} overlap"
    for text, box, *_ in found:
        inside = (box[:2] >= 0).all() and (box[2:] <= figure.bbox.size).all()
        assert inside, f"{text!r} runs off the page"


def page(figure):
    """The picture inside the axes, as it is rendered, in [0, 1]."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[..., :3] / 255
    box = figure.axes[0].get_window_extent()
    top = len(pixels) - round(box.y1)
    return pixels[top : top + round(box.height), round(box.x0) : round(box.x0) + round(box.width)]


def cell(picture, grid, row, column):
    """One image's part of the picture, brought back to its own pixels; every enlarged pixel must be even."""
    height, width = picture.shape[0] // grid[0], picture.shape[1] // grid[1]
    part = picture[row * height : (row + 1) * height, column * width : (column + 1) * width][2:-2, 2:-2]
    scale = part.shape[0] // grid[2]
    blocks = part.reshape(grid[2], scale, grid[3], scale, 3)
    assert np.ptp(blocks, axis=(1, 3)).max() == 0, "a pixel is smeared"
    return blocks[:, 0, :, 0]
