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
                assert value.startswith("data:image/" if tag == "img" else "data:text/csv;base64,")
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
        "79.10",
        "74.20",
        "66.30",
        "78.40",
        "85.50",
        "—",
    ]
    assert [text for text, _ in vade] == ["VaDE", "91.60", "86.70", "83.80", "—", "—", "—"]
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


ACCOUNT = {
    "inputs": 1797,
    "used": 2,
    "uncertain": 0.031,
    "unlike": 0.01,
    "matched": 0.9,
    "clusters": [
        {"cluster": 0, "size": 1000, "share": 0.5565, "confidence": 0.987, "majority": "cat", "purity": 0.95},
        {"cluster": 1, "size": 797, "share": 0.4435, "confidence": 0.5, "majority": "0", "purity": 1.0},
        {"cluster": 2, "size": 0, "share": 0.0},
    ],
}


def test_the_report_leads_with_a_sentence_and_describes_each_cluster(tmp_path):
    (tmp_path / "assignments.csv").write_text("id,cluster\n0,1\n")
    path = render_report(SUMMARY, {}, tmp_path / "report.html", account=ACCOUNT)
    page = Page(path.read_text())
    said = "2 clusters of 1,797 images: 3.1 % uncertain, 90.0 % in the cluster of their class."
    assert page.texts.index(said) < page.texts.index("Repeat this run")
    cells = [[text for text, _ in row] for row in page.rows]
    assert cells[-4:] == [
        ["Cluster", "Size", "Share", "Confidence", "Mostly", "Purity"],
        ["0", "1,000", "55.6 %", "98.7 %", "cat", "95.0 %"],
        ["1", "797", "44.4 %", "50.0 %", "0", "100.0 %"],
        ["2", "0", "0.0 %", "—", "—", "—"],
    ]
    link = re.search(r'href="data:text/csv;base64,([^"]+)" download="assignments.csv"', path.read_text())
    assert link is not None
    assert base64.b64decode(link[1]) == (tmp_path / "assignments.csv").read_bytes()


def test_without_labels_the_clusters_have_sizes_and_confidence_alone(tmp_path):
    rows = [{"cluster": 0, "size": 5, "share": 1.0, "confidence": 1.0}]
    account = {"inputs": 5, "used": 1, "uncertain": 0.0, "unlike": None, "matched": None, "clusters": rows}
    (tmp_path / "assignments.csv").write_bytes(b"x" * 2_000_001)
    path = render_report({"inputs": "vectors"}, {}, tmp_path / "report.html", account=account)
    text = path.read_text()
    assert "1 cluster of 5 vectors: 0.0 % uncertain." in text
    assert [cell for cell, _ in Page(text.replace('href="assignments.csv"', "")).rows[0]] == [
        "Cluster",
        "Size",
        "Share",
        "Confidence",
    ]
    assert 'href="assignments.csv" download' in text  # too large for the page: the file beside it


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
