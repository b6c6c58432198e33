import pytest

from ccm_tf.reporting.sections.summary import summary
from tests.reporting import examples


def test_first_and_last_stage_in_large_figures():
    page = summary(examples.content())
    for expected in ("VGG-16 on digits, pruned", "96.80 %", "−75.1 %", "6.2 ×", "3.77 MB → 190 kB"):
        assert expected in page, expected
    assert "Width 0.25. Trained with CCM-loss" in page


@pytest.mark.parametrize(
    "target,expected",
    [
        ({"energy": 0.6}, "channels chosen by pca to keep 60 % of its total"),
        ({"params": 1000}, "at most 1,000 of the parameters"),
        ({"channels": 0.5}, "at most 50 % of the channels"),
        ({"latency": 0.5}, "at most 50 % of the latency"),
        ({"latency_ms": 0.5}, "a latency of at most 0.500 ms"),
        ({"beauty": 0.5}, "to keep 50 % beauty"),
        ({}, "channels chosen by pca."),
    ],
)
def test_names_the_target(target, expected):
    plan = {"criterion": {"name": "pca"}, "target": target}
    assert expected in summary(examples.content(plan=plan))


def test_by_hand_and_without_a_plan():
    content = examples.content(plan={"criterion": {}, "target": {}}, story="")
    assert "<p>Channels chosen by hand.</p>" in summary(content)
    assert "<p>" not in summary(type(content)(examples.bare()))


def test_a_figure_that_is_missing_at_one_end_is_left_out():
    rows = examples.stages()
    rows[-1]["latency_ms"] = None
    assert "speed" not in summary(examples.content(rows))
