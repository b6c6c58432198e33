import re

import pytest

from tasks.report.charts import Series, line_chart, share_chart, ticks


@pytest.mark.parametrize(
    "low,high,expected",
    [
        (0.0, 1.0, [0.0, 0.25, 0.5, 0.75, 1.0]),
        (0.103, 2.2, [0.0, 1.0, 2.0, 3.0]),
        (0.42, 0.57, [0.4, 0.45, 0.5, 0.55, 0.6]),
        (-1.0, 1.0, [-1.0, -0.5, 0.0, 0.5, 1.0]),
    ],
)
def test_ticks_are_round_and_cover_the_data(low, high, expected):
    assert ticks(low, high) == expected


@pytest.mark.parametrize("value", [0.0, 0.37, 5.0])
def test_ticks_of_a_constant_still_span_something(value):
    found = ticks(value, value)
    assert found[0] <= value <= found[-1] and found[0] < found[-1]


def coordinates(chart, style):
    found = re.findall(rf'class="{style}" points="([^"]*)"', chart)
    return [[tuple(map(float, p.split(","))) for p in line.split()] for line in found]


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


def test_shares_end_at_one_and_the_cut_is_marked():
    chart = share_chart("conv1", [6.0, 3.0, 1.0, 0.0], 2, 4)
    (line,) = coordinates(chart, "a")
    (area,) = coordinates(chart, "area")
    assert len(line) == 5 and line[-1][1] == line[-2][1] == min(y for _, y in line)
    assert max(x for x, _ in area) == line[2][0]
    assert "2 stay" in chart


def test_a_dead_layer_has_a_flat_curve():
    assert "nan" not in share_chart("dead", [0.0, 0.0], 1, 2)
