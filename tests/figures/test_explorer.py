import base64
import gzip
import hashlib
import io
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from bokeh.plotting import figure
from matplotlib.colors import to_rgb
from PIL import Image

from latentclust.errors import LatentclustError
from latentclust.figures import explorer, render_report
from latentclust.figures.style import NO_GROUP, PALETTE

NAMES = ["zero", "one", "two"]
HOSTILE = "</script><script>alert(1)</script><!-- $$x^2$$ @{left}"


def arrays(count=40, side=6):
    rng = np.random.default_rng(0)
    return {
        "points": rng.normal(size=(count, 2)),
        "images": rng.random((count, side, side)),
        "clusters": rng.integers(0, 4, count),
        "confidence": rng.random(count),
        "labels": rng.integers(0, 3, count),
    }


class Page(HTMLParser):
    """The scripts of a page as a browser cuts them out, and what it would load."""

    def __init__(self, text):
        super().__init__()
        self.scripts, self.open, self.loaded = [], None, []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.loaded += [value for name, value in attrs.items() if name in {"src", "href"}]
        self.open = tag
        if tag == "script":
            self.scripts.append([attrs.get("type"), ""])

    def handle_data(self, data):
        if self.open == "script":
            self.scripts[-1][1] += data

    def handle_endtag(self, tag):
        self.open = None


def data_of(parts):
    kind, text = Page(parts.script).scripts[0]
    assert kind == "application/json"
    return json.loads(text)


def models(node):
    """All Bokeh models of a document, by name where they have one."""
    if isinstance(node, dict):
        if node.get("type") == "object" and "name" in (attributes := node.get("attributes", {})):
            yield attributes["name"], attributes
        node = list(node.values())
    if isinstance(node, list):
        for part in node:
            yield from models(part)


def column(value):
    if isinstance(value, dict) and value["type"] == "ndarray":
        content = gzip.decompress(base64.b64decode(value["array"]["data"]))
        return np.frombuffer(content, value["dtype"]).reshape(value["shape"])
    return np.array(value)


def columns_of(data):
    source = dict(models(data["item"]))["points"]["data"]
    return {name: column(value) for name, value in source["entries"]}


def test_every_dot_carries_its_own_facts_and_image():
    given = arrays()
    parts = explorer(**given, class_names=NAMES)
    data = data_of(parts)
    columns = columns_of(data)
    # The dots come in another order: found again by where they are.
    order = [
        np.abs(given["points"] - xy).sum(axis=1).argmin()
        for xy in zip(columns["x"], columns["y"], strict=True)
    ]
    assert sorted(order) == list(range(40))
    assert order != sorted(order)
    clusters, labels, confidence = (given[name][order] for name in ("clusters", "labels", "confidence"))
    np.testing.assert_array_equal(columns["cluster"], clusters.astype(str))
    np.testing.assert_array_equal(columns["label"], np.array(NAMES)[labels])
    np.testing.assert_allclose(columns["confidence"], confidence, rtol=1e-6)
    np.testing.assert_array_equal(columns["cluster-color"], np.array(PALETTE)[clusters])
    np.testing.assert_array_equal(columns["label-color"], np.array(PALETTE)[labels])
    sheet = np.asarray(Image.open(io.BytesIO(base64.b64decode(data["sheet"]))))
    enlarged = round(112 / 6)
    for i, (left, top) in enumerate(
        zip(columns["left"] // enlarged, columns["top"] // enlarged, strict=True)
    ):
        seen = sheet[top : top + 6, left : left + 6]
        np.testing.assert_array_equal(seen, np.round(255 * given["images"][order[i]]))


def test_the_surest_dots_have_the_brightest_colors():
    given = arrays() | {"confidence": np.linspace(0.35, 1, 40)}
    columns = columns_of(data_of(explorer(**given)))
    order = columns["confidence"].argsort()
    light = [np.dot(to_rgb(c), (0.2126, 0.7152, 0.0722)) for c in columns["confidence-color"][order]]
    assert np.all(np.diff(light) >= 0)
    assert light[-1] > light[0] + 0.4
    assert len(set(columns["confidence-color"])) > 30


def test_groups_beyond_the_palette_differ_in_their_marker_and_none_is_gray():
    given = arrays() | {"clusters": np.arange(40) // 2 - 1, "labels": None, "confidence": None}
    data = data_of(explorer(**given))
    assert [coloring["key"] for coloring in data["colorings"]] == ["cluster"]
    columns = columns_of(data)
    looks = set(zip(columns["cluster"], columns["cluster-color"], columns["cluster-marker"], strict=True))
    assert len(looks) == 20
    assert len({look[1:] for look in looks}) == 20
    assert [look[1] for look in looks if look[0] == "none"] == [NO_GROUP]
    assert "label" not in columns
    assert "confidence" not in columns


def test_planes_keep_their_names_points_and_labels():
    given = arrays()
    first = given.pop("points")
    data = data_of(explorer({"PCA": first, "t-SNE": 7 * first}, **given, axis_labels={"PCA": ("one", "two")}))
    assert data["planes"] == [
        {"name": "PCA", "labels": ["one", "two"]},
        {"name": "t-SNE", "labels": None},
    ]
    columns = columns_of(data)
    np.testing.assert_array_equal(columns["x"], columns["x0"])
    np.testing.assert_allclose(columns["x1"], 7 * columns["x0"], rtol=1e-5)
    np.testing.assert_allclose(columns["y1"], 7 * columns["y0"], rtol=1e-5)
    assert sorted(columns["y0"]) == sorted(first[:, 1].astype(np.float32))


def test_the_same_arrays_give_the_same_bytes():
    first = explorer(**arrays(), class_names=NAMES)
    figure().scatter([1], [2])  # Bokeh counts its models from one plot to the next
    assert explorer(**arrays(), class_names=NAMES) == first


def test_the_given_arrays_stay_as_they_are():
    given = arrays()
    explorer(**given)
    for name, before in arrays().items():
        np.testing.assert_array_equal(given[name], before)


def test_nothing_is_loaded_and_only_its_own_programs_may_run(tmp_path):
    parts = explorer(**arrays(), class_names=[HOSTILE, "one", "two"])
    path = render_report({"model": "VaDE"}, {}, tmp_path / "report.html", parts)
    page = Page(path.read_text())
    assert page.loaded == []
    (_, data), *programs = page.scripts
    assert HOSTILE in json.loads(data)["item"]["doc"]["roots"][0].__str__()
    hashes = [
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
        for _, text in programs
    ]
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', path.read_text())[1]
    rules = dict(rule.split(maxsplit=1) for rule in policy.split("; "))
    assert rules == {
        "default-src": "'none'",
        "img-src": "data: blob:",
        "style-src": "'unsafe-inline'",
        "script-src": " ".join(hashes),
    }
    assert len(hashes) == 2


def test_a_report_without_an_explorer_runs_nothing(tmp_path):
    text = render_report({"model": "VaDE"}, {}, tmp_path / "report.html").read_text()
    assert Page(text).scripts == []
    assert "explorer" not in text
    assert "script-src" not in text


def test_thousands_of_incompressible_images_stay_under_eight_megabytes():
    rng = np.random.default_rng(0)
    count = 4000
    groups = rng.integers(0, 10, count)
    planes = {"PCA": rng.normal(size=(count, 2)), "t-SNE": rng.normal(size=(count, 2))}
    parts = explorer(planes, rng.random((count, 28, 28)), groups, rng.random(count), groups)
    assert len("".join(parts[:3])) < 8e6


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"points": np.zeros((39, 2))}, r"\(39, 2\).*40"),
        ({"points": np.zeros((40, 3))}, r"\(40, 3\)"),
        ({"points": np.full((40, 2), np.nan)}, "NaN"),
        ({"points": {"a": np.zeros((40, 2)), "b": np.full((40, 2), np.inf)}}, "'b'"),
        ({"points": {}}, "plane"),
        ({"images": np.zeros((39, 6, 6))}, "images.*40"),
        ({"images": np.zeros((40, 6))}, r"\(M, H, W\)"),
        ({"clusters": np.zeros((0,), int), "points": np.zeros((0, 2))}, "point"),
        ({"clusters": np.zeros((40, 1), int)}, "clusters"),
        ({"labels": np.zeros(41, int)}, "labels.*40"),
        ({"labels": np.full(40, 3), "class_names": NAMES}, "3 class names"),
        ({"confidence": np.zeros((40, 4))}, "confidence"),
        ({"confidence": np.full(40, 1.2)}, "1.2"),
        ({"confidence": np.full(40, np.nan)}, "nan"),
    ],
)
def test_arrays_that_do_not_fit_are_refused_in_one_line(changes, message):
    with pytest.raises(LatentclustError, match=message) as caught:
        explorer(**arrays() | changes)
    assert "\n" not in str(caught.value)
