from ccm_tf.reporting.comparison import compared
from ccm_tf.reporting.comparison_page import comparison_page
from tests.reporting import examples
from tests.reporting.html_checker import whole


def test_pictures_table_and_warning():
    text = comparison_page(compared(examples.runs()))
    whole(text)
    for expected in (
        "Accuracy against MACs",
        "Accuracy against size",
        "Accuracy against latency",
        "saw different images",
        "7 run_6",
        "lie below the picture: 7",
        "<b>97.40 %</b>",
    ):
        assert expected in text, expected
    assert "<script" not in text and "http" not in text


def test_a_cost_that_a_run_does_not_know_has_no_picture():
    values = compared([("a", examples.values()), ("b", examples.round_values())])
    text = comparison_page(values)
    assert "Accuracy against size" in text and "Accuracy against latency" not in text


def test_one_run_and_names_that_mean_something_to_a_browser():
    report = examples.values() | {"title": "<script>alert(1)</script>"}
    text = comparison_page(compared([("out/<b>", report)]))
    whole(text)
    assert "<script" not in text and "out/<b>" not in text and "one run" in text


def test_a_last_network_before_recovery_is_in_the_picture():
    report = examples.content(rows=examples.stages()[:2]).values
    assert "below the picture" not in comparison_page(compared([("a", report)]))
