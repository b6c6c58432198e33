import pytest

from ccm_tf.reporting.content import Content
from ccm_tf.reporting.page import page
from ccm_tf.reporting.sections import SECTIONS
from tests.reporting import examples
from tests.reporting.html_checker import whole


@pytest.mark.parametrize("values", [examples.values(), examples.round_values()])
def test_is_whole_and_escaped(values):
    text = page(Content(values, examples.matrices()))
    whole(text)
    assert text.startswith("<!doctype html>")
    assert "<logits>" not in text and "&lt;logits&gt;" in text


def test_holds_every_section_in_order():
    content = examples.content()
    text = page(content)
    places = [text.index(made) for s in SECTIONS.values() if (made := s(content))]
    assert len(places) >= 7 and places == sorted(places)


def test_needs_nothing_from_elsewhere():
    text = page(examples.content())
    for forbidden in ("http:", "https:", "<script", "<link", "@import", "url("):
        assert forbidden not in text, forbidden


def test_without_fine_tuning_and_export():
    text = page(examples.content(rows=examples.stages()[:2]))
    assert "From dense to pruned" in text and "LiteRT file" not in text
