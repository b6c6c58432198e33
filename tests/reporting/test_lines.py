import pytest

from ccm_tf.reporting.lines import Series, line_chart
from tests.reporting.svg import coordinates


def test_lines_go_where_the_numbers_are():
    chart = line_chart("T", [Series("s", [(1, 0.0), (2, 1.0), (3, 0.5)])], str, "epoch")
    ((first, second, third),) = coordinates(chart, "a")
    assert first[0] < second[0] < third[0]
    # Up is less in an image.
    assert second[1] < third[1] < first[1]
    assert third[1] == pytest.approx((first[1] + second[1]) / 2, abs=0.1)


def test_legend_and_marks_and_escaping():
    lines = [
        Series("a<b", [(1, 1.0), (2, 2.0)], "a", "2.0"),
        Series("", [(1, 1.0), (2, 1.0)], "faint"),
    ]
    chart = line_chart("x & y", lines, str, "epoch", [(1.5, "cut")])
    assert "a&lt;b <b>2.0</b>" in chart and "x &amp; y" in chart and ">cut</text>" in chart
    # Faint lines lie behind the others.
    assert chart.index('polyline class="faint"') < chart.index('polyline class="a"')


def test_a_single_epoch_is_a_dot():
    assert "<circle" in line_chart("T", [Series("s", [(1, 0.5)])], str, "epoch")
