"""What holds for every section."""

import pytest

from ccm_tf.reporting.content import Content
from ccm_tf.reporting.sections import SECTIONS
from tests.reporting import examples
from tests.reporting.html_checker import whole

BARE = examples.bare("format", "how")


@pytest.mark.parametrize("name", SECTIONS)
def test_has_something_to_say_and_says_it_in_whole_html(name):
    reports = (examples.values(), examples.round_values())
    texts = [SECTIONS[name](Content(values, examples.matrices())) for values in reports]
    assert any(texts)
    for text in texts:
        whole(text)
        assert "<logits>" not in text


@pytest.mark.parametrize("name", SECTIONS)
def test_lives_with_a_report_of_little(name):
    whole(SECTIONS[name](Content(BARE)))


def test_what_is_not_known_is_not_shown():
    shown = {name for name, section in SECTIONS.items() if section(Content(BARE))}
    assert shown == {"summary", "funnel", "settings"}
