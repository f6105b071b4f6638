"""What a reader sees: the explorer in a real browser, judged by its pixels."""

import io
import shutil
from contextlib import contextmanager

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from latentclust.figures import explorer, render_report
from latentclust.figures.style import PALETTE

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
BROWSER = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chromium-browser"))), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")

FIRST = np.array([[0.13, 0.13], [4.13, 0.13], [4.13, 4.13], [0.13, 4.13]])  # beside the grid's lines
SECOND = FIRST[[2, 3, 0, 1]] * 10
GRAYS = np.array([0.2, 0.4, 0.6, 0.8])
CLUSTERS, LABELS = np.array([0, 1, 2, 2]), np.array([3, 4, 5, 6])
NAMES = ["", "", "", "<b>shirt</b>", "$$x^2$$", "boot", "@{left}"]
# Where a point of the plane is on the page, in pixels.
PLACE = """([x, y]) => {
    const view = Bokeh.index.find_one(Bokeh.documents[0].get_model_by_name("plot"));
    const box = view.el.getBoundingClientRect();
    const { bbox, x_scale, y_scale } = view.frame;
    return [box.x + x_scale.compute(x), box.y + y_scale.compute(y)];
}"""


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    parts = explorer(
        {"PCA": FIRST, "t-SNE": SECOND},
        np.broadcast_to(GRAYS[:, None, None], (4, 8, 8)),
        CLUSTERS,
        np.array([0.25, 1, 1, 0.5]),
        LABELS,
        class_names=NAMES,
        axis_labels={"PCA": ("first", "second")},
    )
    return render_report({"model": "VaDE"}, {}, tmp_path_factory.mktemp("run") / "report.html", parts)


@contextmanager
def opened(browser, path, width=1366):
    """Open a report; it must not complain nor ask anybody for anything."""
    page = browser.new_page(viewport={"width": width, "height": 900})
    trouble, asked = [], []
    page.on("console", lambda message: trouble.append(message.text) if message.type != "log" else None)
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    page.wait_for_selector("#explorer-controls:not([hidden])")
    yield page
    page.close()
    assert trouble == []
    assert [url for url in asked if not url.startswith(("data:", "blob:"))] == [path.as_uri()]


@pytest.fixture
def page(browser, report):
    with opened(browser, report) as page:
        yield page


def color_at(page, place):
    """The color on the screen where a point of the plane lies."""
    page.mouse.move(1, 1)
    page.wait_for_timeout(150)  # until the plot has been drawn
    x, y = page.evaluate(PLACE, list(place))
    shot = page.screenshot(clip={"x": round(x) - 1, "y": round(y) - 1, "width": 3, "height": 3})
    return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"))[1, 1]


def over_white(color, alpha=0.75):
    return 255 * (alpha * np.array(to_rgb(color)) + 1 - alpha)


def point_at(page, place):
    x, y = page.evaluate(PLACE, list(place))
    page.mouse.move(x + 40, y + 40)
    page.mouse.move(x, y)
    page.wait_for_selector("[data-thumbnail]")


def tooltip(page):
    facts = page.locator("[data-fact]")
    shot = page.locator("[data-thumbnail]").screenshot()
    middle = np.asarray(Image.open(io.BytesIO(shot)).convert("L"))[20:-20, 20:-20]
    return facts.all_inner_texts(), middle


def assert_close(seen, expected):
    assert np.abs(np.asarray(seen, dtype=float) - expected).max() <= 4, (seen, expected)


def test_a_dot_under_the_mouse_shows_its_image_cluster_label_and_confidence(page):
    for i, confidence in ((0, "25.0%"), (2, "100.0%"), (3, "50.0%")):
        point_at(page, FIRST[i])
        facts, middle = tooltip(page)
        assert facts == [str(CLUSTERS[i]), NAMES[LABELS[i]], confidence]
        assert_close(middle, 255 * GRAYS[i])


def test_colors_follow_the_choice(page):
    assert_close(color_at(page, FIRST[1]), over_white(PALETTE[1]))
    page.select_option("#explorer-color", label="label")
    assert_close(color_at(page, FIRST[1]), over_white(PALETTE[4]))
    page.select_option("#explorer-color", label="confidence")
    assert_close(color_at(page, FIRST[1]), color_at(page, FIRST[2]))
    assert color_at(page, FIRST[0]).sum() < color_at(page, FIRST[3]).sum() < color_at(page, FIRST[1]).sum()
    page.select_option("#explorer-color", label="cluster")
    assert_close(color_at(page, FIRST[1]), over_white(PALETTE[1]))


def test_a_click_on_the_legend_hides_the_group_in_every_coloring(page):
    before = page.evaluate(PLACE, [0, 0])
    page.get_by_text("2 (2)", exact=True).click()
    assert_close(color_at(page, FIRST[2]), 255)
    assert_close(color_at(page, FIRST[3]), 255)
    assert_close(color_at(page, FIRST[0]), over_white(PALETTE[0]))
    page.select_option("#explorer-color", label="label")
    page.get_by_text("$$x^2$$ (1)", exact=True).click()
    assert_close(color_at(page, FIRST[1]), 255)
    assert_close(color_at(page, FIRST[2]), 255)
    assert_close(color_at(page, FIRST[0]), over_white(PALETTE[3]))
    np.testing.assert_allclose(page.evaluate(PLACE, [0, 0]), before, atol=2)  # the others stay in place
    page.click("#explorer-show")
    assert_close(color_at(page, FIRST[2]), over_white(PALETTE[5]))
    page.click("#explorer-hide")
    assert_close(color_at(page, FIRST[0]), 255)


def test_another_plane_moves_the_dots_and_their_tooltips(page):
    page.select_option("#explorer-plane", label="t-SNE")
    assert_close(color_at(page, SECOND[0]), over_white(PALETTE[0]))
    point_at(page, SECOND[0])
    facts, middle = tooltip(page)
    assert facts[0] == "0"
    assert_close(middle, 255 * GRAYS[0])


def test_on_a_phone_everything_is_there_and_nothing_is_cut(browser, report):
    with opened(browser, report, width=390) as page:
        page.wait_for_timeout(300)  # until the legend has gone below
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.evaluate("document.querySelector('.explorer').scrollWidth") <= 390
        page.select_option("#explorer-color", label="label")
        assert_close(color_at(page, FIRST[1]), over_white(PALETTE[4]))


def test_print_leaves_the_explorer_out(page):
    point_at(page, FIRST[0])
    page.emulate_media(media="print")
    assert not page.locator(".explorer").is_visible()
    assert not page.locator("[data-thumbnail]").is_visible()
    assert page.locator("h1").is_visible()


@pytest.mark.long
def test_a_sheet_of_megabytes_shows_too(browser, tmp_path):
    images = np.random.default_rng(0).random((300, 100, 100))
    images[7] = np.arange(100) >= 50  # black on the left, white on the right
    corner = np.ones(300, dtype=int)
    corner[7] = 0
    parts = explorer(FIRST[corner], images, corner)
    assert len(parts.script) > 5e6  # of custom properties browsers take two
    with opened(browser, render_report({}, {}, tmp_path / "report.html", parts)) as page:
        point_at(page, FIRST[0])
        _, middle = tooltip(page)
        assert_close(middle[:, :25], 0)
        assert_close(middle[:, -25:], 255)
