from ccm_tf.reporting.shares import share_chart
from tests.reporting.svg import coordinates


def test_shares_end_at_one_and_the_cut_is_marked():
    chart = share_chart("conv1", [6.0, 3.0, 1.0, 0.0], 2, 4)
    (line,) = coordinates(chart, "a")
    (area,) = coordinates(chart, "area")
    assert len(line) == 5 and line[-1][1] == line[-2][1] == min(y for _, y in line)
    assert max(x for x, _ in area) == line[2][0]
    assert "2 stay" in chart


def test_a_dead_layer_has_a_flat_curve():
    assert "nan" not in share_chart("dead", [0.0, 0.0], 1, 2)
