import html.parser

import numpy as np
import pytest

from tasks.report.correlations import Correlation
from tasks.report.page import final, page

MATRICES = [Correlation("relu1", np.eye(8), 0.125, 8)]
SLIM = [Correlation("relu1", np.eye(3), 0.333, 3)]


class Checker(html.parser.HTMLParser):
    """Fails on tags that are not closed in order."""

    VOID = frozenset({"meta", "img", "br", "circle", "line", "polyline", "polygon"})

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, tag


def test_is_whole_and_escaped(report):
    text = page(report, MATRICES, SLIM)
    checker = Checker()
    checker.feed(text)
    assert not checker.open
    assert "<logits>" not in text and "&lt;logits&gt;" in text


def test_says_what_matters(report):
    text = page(report, MATRICES, SLIM)
    for expected in (
        "VGG-16 on digits, pruned",
        "−75.1 %",
        "19.9 M → 4.96 M",
        "at most 25 % of the MACs",
        "2.9 ×",
        "97.00 %",
        "right after the cut accuracy was 10.00 %",
        "conv1 + 1 tied",
        "is an output of the model",
        "90 % of the variance in <b>3</b>",
        "3 stay",
    ):
        assert expected in text, expected
    assert "--energy" not in text


@pytest.mark.parametrize(
    "target,expected",
    [
        ({"energy": 0.6}, "60 % of its total"),
        ({"params": 1000}, "at most 1,000 of the parameters"),
        ({"channels": 0.5}, "at most 50 % of the channels"),
    ],
)
def test_names_the_target(report, target, expected):
    report["plan"]["target"] = target
    assert expected in page(report, MATRICES, SLIM)


def test_without_fine_tuning_and_export(report):
    report |= {"finetuned": None, "tflite": None}
    assert final(report) is report["pruned"]
    assert "LiteRT file" not in page(report, MATRICES, SLIM)


def test_says_when_removed_channels_were_folded(report):
    flags = {**report["run"]["flags"], "fold": "least_squares"}
    text = page({**report, "run": {**report["run"], "flags": flags}}, MATRICES, SLIM)
    assert "right after folding the removed channels into the next layers accuracy was" in text
