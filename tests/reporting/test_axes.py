import pytest

from ccm_tf.reporting.axes import Frame, log_ticks, span, ticks


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


@pytest.mark.parametrize("values", [(0.33, 2.25), (0.2, 0.99), (5.0,), (0.0, 0.0), (-0.1, 3e5)])
def test_an_axis_begins_and_ends_at_its_own_ticks(values):
    low, high = span(values)
    assert low <= min(values) and max(values) <= high and low < high
    assert (ticks(low, high)[0], ticks(low, high)[-1]) == (low, high)


@pytest.mark.parametrize(
    "low,high,expected",
    [
        (2e6, 2e8, [3e6, 1e7, 3e7, 1e8]),
        (5e6, 2e7, [5e6, 7e6, 1e7, 1.5e7, 2e7]),
        (4.1e6, 4.4e6, [4.1e6, 4.4e6]),
    ],
)
def test_logarithmic_ticks_are_few_and_inside(low, high, expected):
    assert log_ticks(low, high) == pytest.approx(expected)


def test_a_logarithmic_axis_puts_the_geometric_mean_in_the_middle():
    frame = Frame((1e6, 1e8), (0.0, 1.0), log_x=True)
    (left, _), (middle, _), (right, _) = (frame.at(x, 0.5) for x in (1e6, 1e7, 1e8))
    assert middle == pytest.approx((left + right) / 2)
