import pathlib
import re

import pytest

import tasks.trial.page as module
from tasks.trial.page import page
from tests.reporting.html_checker import whole

FOLDER = pathlib.Path(module.__file__).parent
SCRIPTS = "".join(path.read_text(encoding="utf-8") for path in FOLDER.glob("*.js"))


@pytest.fixture
def values():
    model = {"title": "<dense>", "size": "1.2 MB", "quantize": "float32"}
    return {
        "title": "A & B",
        "runtime": {"version": "2.5.3", "modules": {"@litertjs/core": "./litert/core.js"}},
        "shape": [32, 48, 3],
        "labelled": True,
        "models": [model, {**model, "title": "slim"}],
    }


def test_is_whole_and_escaped(values):
    text = page(values)
    whole(text)
    assert "<title>A &amp; B</title>" in text
    assert "&lt;dense&gt;" in text and "<dense>" not in text
    assert "48 × 32 pixels" in text and 'width="48" height="32"' in text


def test_scripts_find_what_they_fill(values):
    ids = set(re.findall(r' id="([\w-]+)"', page(values)))
    wanted = set(re.findall(r"find\('([\w-]+)'\)", SCRIPTS))
    wanted |= {f"{key}-1" for key in re.findall(r"find\(`(\w+)-\$\{number\}`\)", SCRIPTS)}
    assert len(wanted) > 10 and wanted <= ids
    assert {"right-0", "right-1"} <= ids
    assert "right-" not in page({**values, "labelled": False})


def test_asks_for_nothing_from_elsewhere(values):
    for text in (page(values), SCRIPTS):
        assert not re.search(r"https?:|@import|url\(", text)


def test_small_images_show_their_pixels(values):
    assert "seen small" in page(values)
    assert "seen small" not in page({**values, "shape": [224, 224, 3]})
