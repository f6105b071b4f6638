import base64
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentclust.errors import LatentclustError
from latentclust.figures import image_grid, render_report, save
from latentclust.figures.report import duration

SUMMARY = {
    "command": "latentclust experiment=vade_digits seed=3",
    "commit": "0a1b2c3",
    "date": "2025-11-03",
    "device": "CPU, 2 threads",
    "model": "VaDE",
    "data": "Digits",
    "versions": {"torch": "2.6.0", "lightning": "2.5.1"},
    "seconds": {"pretrain": 31.2, "cluster": 375.8, "skipped": None},
    "results": [
        {
            "method": "k-means on pixels",
            "pool": {"acc": 0.791, "nmi": 0.742, "ari": 0.663},
            "test": {"acc": 0.784, "nmi": 0.855, "ari": None},
        },
        {"method": "VaDE", "pool": {"acc": 0.916, "nmi": 0.867, "ari": 0.838}, "test": None},
    ],
    "clusters": {"used": 10, "smallest_share": 0.0614},
    "config": {"model": {"latent_dim": 10}},
    "warnings": ["The mixture did not converge."],
}
VOID = {"meta", "img", "br", "link", "input"}


class Page(HTMLParser):
    """Reads a page strictly: tags are closed in order, and nothing comes from elsewhere."""

    def __init__(self, text):
        super().__init__()
        self.open, self.seen, self.texts, self.images, self.rows = [], [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == [], "tags left open"

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.seen.append(tag)
        assert tag not in {"script", "link", "iframe", "object"}
        for name, value in attrs.items():
            assert not name.startswith("on")
            if name in {"src", "href"}:
                assert value.startswith("data:image/")
        if tag == "img":
            self.images.append(attrs)
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"}:
            self.rows[-1].append(["", "data-best" in attrs])
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if data.strip() and self.open[-1] != "style":
            self.texts.append(data.strip())
            if self.open[-1] in {"td", "th"}:
                self.rows[-1][-1][0] += data.strip()


def rendered(path, summary, figures=None):
    text = render_report(summary, figures or {}, path / "report.html").read_text()
    assert not re.search(r"https?://|@import|url\(", text)
    return Page(text)


def test_the_report_says_what_ran_and_how_long(tmp_path):
    page = rendered(tmp_path, SUMMARY)
    for fact in (
        "VaDE on Digits",
        "Repeat this run",
        SUMMARY["command"],
        "0a1b2c3",
        "2025-11-03 · CPU, 2 threads",
        "2.6.0",
        "31.2 s",
        "6 min 16 s",
        "6.1% of the images",
        "The mixture did not converge.",
        json.dumps(SUMMARY["config"], indent=2),
    ):
        assert fact in page.texts
    assert "skipped" not in page.texts


def test_the_table_holds_the_scores_and_marks_the_best(tmp_path):
    page = rendered(tmp_path, SUMMARY)
    assert [text for text, _ in page.rows[0]] == ["Method", "Clustered images", "Test images"]
    assert [text for text, _ in page.rows[1]] == ["ACC", "NMI", "ARI"] * 2
    kmeans, vade = page.rows[2:]
    assert [text for text, _ in kmeans] == [
        "k-means on pixels",
        "0.791",
        "0.742",
        "0.663",
        "0.784",
        "0.855",
        "—",
    ]
    assert [text for text, _ in vade] == ["VaDE", "0.916", "0.867", "0.838", "—", "—", "—"]
    assert [best for _, best in kmeans] == [False, False, False, False, True, True, False]
    assert [best for _, best in vade] == [False, True, True, True, False, False, False]


def test_a_single_method_is_not_marked_and_an_absent_set_has_no_column(tmp_path):
    page = rendered(tmp_path, {"results": SUMMARY["results"][1:]})
    assert [text for text, _ in page.rows[0]] == ["Method", "Clustered images"]
    assert not any(best for row in page.rows for _, best in row)


def test_figures_are_embedded_whole_with_caption_and_alt_text(tmp_path):
    png = save(image_grid(np.zeros((1, 1, 8, 8)), title="Zeros"), tmp_path / "zeros.png", svg=True)
    figures = {"Samples": png, "The same, as SVG": png.with_suffix(".svg")}
    page = rendered(tmp_path, SUMMARY, figures)
    assert [image["alt"] for image in page.images] == list(figures)
    for image, path, kind in zip(page.images, figures.values(), ("png", "svg+xml"), strict=True):
        head, content = image["src"].split(",")
        assert head == f"data:image/{kind};base64"
        assert base64.b64decode(content) == path.read_bytes()
    assert set(figures) <= set(page.texts)


def test_a_figure_that_is_gone_becomes_a_warning(tmp_path):
    page = rendered(tmp_path, {}, {"Samples": tmp_path / "gone.png"})
    assert page.images == []
    assert any("Samples" in text and "gone.png" in text for text in page.texts)


HOSTILE = '<script>alert(1)</script>" onload="x" \'&amp;{{ 7*7 }}'


def test_hostile_strings_are_text_wherever_they_stand(tmp_path):
    png = save(image_grid(np.zeros((1, 1, 8, 8)), title="Zeros"), tmp_path / "zeros.png")
    summary = {
        **dict.fromkeys(("command", "commit", "date", "device", "model", "data", "config"), HOSTILE),
        "versions": {HOSTILE: HOSTILE},
        "seconds": {HOSTILE: 1.0},
        "results": [{"method": HOSTILE, "pool": {"acc": 0.5}}],
        "warnings": [HOSTILE],
    }
    page = rendered(tmp_path, summary, {HOSTILE: png})
    assert page.texts.count(HOSTILE) == 12
    assert page.images[0]["alt"] == HOSTILE


@settings(max_examples=30, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(SUMMARY)), st.booleans()))
def test_missing_keys_and_none_are_tolerated(tmp_path_factory, changes):
    summary = {k: None if changes.get(k) else v for k, v in SUMMARY.items() if k not in changes or changes[k]}
    page = rendered(tmp_path_factory.getbasetemp(), summary)
    assert page.seen.count("h1") == 1
    assert "None" not in " ".join(page.texts)
    assert ("table" in page.seen) == bool(summary.get("results"))
    assert ("details" in page.seen) == bool(summary.get("config"))


def test_an_empty_summary_still_makes_a_page(tmp_path):
    page = rendered(tmp_path, {})
    assert "table" not in page.seen
    assert "dl" not in page.seen


def test_config_given_as_text_is_shown_as_it_is(tmp_path):
    assert "model:\n  latent_dim: 10" in rendered(tmp_path, {"config": "model:\n  latent_dim: 10\n"}).texts


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LatentclustError, match="cannot write"):
        render_report({}, {}, tmp_path / "file" / "report.html")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 00 s"),
        (119.7, "2 min 00 s"),
        (3599.6, "1 h 00 min"),
        (8000, "2 h 13 min"),
    ],
)
def test_durations_read_well(seconds, text):
    assert duration(seconds) == text
