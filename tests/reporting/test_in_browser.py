"""Pages in a real browser: nothing cut, nothing said, nothing fetched."""

import pytest

from ccm_tf.reporting.comparison import compared
from ccm_tf.reporting.comparison_page import comparison_page
from ccm_tf.reporting.content import Content
from ccm_tf.reporting.page import page
from tests.browser import PROBLEMS, Browser
from tests.reporting import examples

PHONE, DESKTOP = 390, 1280
PAGES = {
    "run": lambda: page(examples.content()),
    "rounds": lambda: page(Content(examples.round_values())),
    "long words": lambda: page(examples.content(**_long_words())),
    "comparison": lambda: comparison_page(compared(examples.runs())),
}


def _long_words():
    """What users may call things."""
    drawing = examples.network()
    for number, node in enumerate(drawing["nodes"]):
        node["name"] = f"functional_{number}/" + 12 * "very_long_names_"
        if node["kind"] != "Input":
            node["width"], node["kept"] = 8 * node["width"] + 100_000, 8 * node["kept"] + 10_000
    layers = [{**row, "layers": 9 * [5 * "long_name_"]} for row in examples.values()["layers"]]
    return {
        "title": 6 * "AVeryLongTitleWithoutASpace",
        "network": drawing,
        "layers": layers,
        "groups": [{**row, "name": 9 * "name_"} for row in examples.values()["groups"]],
    }


@pytest.fixture(scope="module")
def browser():
    with Browser() as started:
        yield started


@pytest.mark.parametrize("name", PAGES)
def test_pages_fit_phones_and_desktops_light_and_dark(browser, name, tmp_path):
    path = tmp_path / "page.html"
    path.write_text(PAGES[name](), encoding="utf-8")
    colours = set()
    for width in (PHONE, DESKTOP):
        for dark in (False, True):
            shown = browser.open(path, width, dark=dark)
            assert shown.evaluate("innerWidth") == width
            assert shown.evaluate(PROBLEMS) == []
            assert shown.messages == [] and shown.requests == []
            assert shown.evaluate("document.title")
            colours.add(shown.evaluate("getComputedStyle(document.body).backgroundColor"))
            drawings = "[...document.querySelectorAll('svg, img')]"
            named = "d.getAttribute('aria-hidden') || d.alt || d.querySelector('title').textContent"
            assert shown.evaluate(f"{drawings}.every(d => {named})")
    assert len(colours) == 2


@pytest.mark.parametrize(
    "body,problem",
    [
        ("<p style='width:2000px'>wide</p>", "reaches from"),
        ("<p style='margin-left:-20px'>left</p>", "reaches from -20"),
        ("<p style='width:40px;overflow:hidden;white-space:nowrap'>cut in the middle</p>", "holds"),
        ("<svg width='90' height='20'><text x='60' y='12'>leaves</text></svg>", "leaves its"),
        (
            "<svg width='90' height='20'><text y='15'>one</text><text x='9' y='15'>two</text>",
            "lies on",
        ),
    ],
)
def test_what_is_cut_or_covered_is_seen(browser, body, problem, tmp_path):
    path = tmp_path / "page.html"
    path.write_text(f"<!doctype html><title>t</title><body style='margin:0'>{body}")
    assert any(problem in found for found in browser.open(path, PHONE).evaluate(PROBLEMS))


def test_messages_and_requests_are_seen(browser, tmp_path):
    path = tmp_path / "page.html"
    path.write_text("<!doctype html><script>console.error('oh')</script><img src='no.png'>")
    shown = browser.open(path)
    assert any("oh" in message for message in shown.messages)
    assert [url.split("/")[-1] for url in shown.requests] == ["no.png"]


def test_without_a_browser_ci_fails_and_others_skip(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no browser to look at pages with"):
        Browser()
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="CI must have one"):
        Browser()
