import numpy as np
import pytest

from ccm_tf.criteria import Ranking
from ccm_tf.gradual.pressure import ByRank, Chosen, Look, increments


class Whole:
    """A view of a model of which nothing is gone."""

    origins = np.arange(6)


def look(order, wanted):
    """A look that ranks six channels, the most important first."""
    scores = np.arange(6, 0, -1)
    kept = np.isin(np.arange(6), wanted)
    return Look(Whole(), {0: Ranking(np.array(order), scores)}, kept)


def never(alive):
    raise AssertionError("the criterion was asked for nothing")


def test_increments_of_the_papers_by_hand():
    # Two have to go, u = 1/4: alpha = ln(8) / 2, N = 4/3.
    found = increments(np.arange(4), 2, most=1.0, tail=0.25)
    np.testing.assert_allclose(found, [1, 8**-0.5, 0, 0.5 - np.sqrt(2)], atol=1e-12)


@pytest.mark.parametrize("going", [1, 3, 10])
def test_increments_cross_zero_where_channels_may_stay(going):
    found = increments(np.arange(40), going, 0.05)
    assert found[0] == 0.05 and np.all(np.diff(found) < 0)
    assert found[going - 1] > 0 and found[going] == pytest.approx(0, abs=1e-12)
    center = -np.log(0.25) / ((np.log(2) - np.log(0.25)) / going)
    both = increments(np.array([center - 0.5, center + 0.5]), going, 0.05)
    assert both.sum() == pytest.approx(2 * 0.25 * 0.05)


def test_what_is_chosen_goes_evenly_and_the_rest_stays():
    rule = Chosen(0.4)
    rule.start(6)
    alive = np.ones(6, bool)
    rule.advance(alive, lambda left: False, lambda left: look([0, 1, 2, 3, 4, 5], [0, 1, 2, 3]))
    np.testing.assert_allclose(rule.pressure, [0, 0, 0, 0, 0.4, 0.4])
    rule.advance(alive, lambda left: left.sum() == 4, never)
    np.testing.assert_allclose(rule.pressure, [0, 0, 0, 0, 0.8, 0.8])
    # More is asked for: those on their way are not looked at again.
    seen = []

    def more(left):
        seen.append(left)
        return look([0, 1, 2, 3, 4, 5], [0, 1, 2])

    rule.advance(alive, lambda left: False, more)
    np.testing.assert_array_equal(seen[0], [1, 1, 1, 1, 0, 0])
    np.testing.assert_allclose(rule.pressure, [0, 0, 0, 0.4, 1, 1])


@pytest.mark.parametrize("growth", [0.05, 0.1, 0.3, 1 / 3, 0.7, 1.0])
def test_pressure_reaches_one_after_as_many_times_as_it_takes(growth):
    rule = Chosen(growth)
    rule.start(6)
    times = int(np.ceil(1 / growth - 1e-9))
    for time in range(times):
        assert rule.pressure.max() < 1, time
        rule.advance(np.ones(6, bool), lambda left: False, lambda left: look(range(6), [0]))
    assert rule.pressure.max() == 1


def test_all_are_pressed_before_the_first_are_chosen():
    rule = Chosen(0.2, pick_after=2)
    rule.start(6)
    alive = np.array([1, 1, 1, 1, 1, 0], bool)
    for expected in (0.2, 0.4):
        rule.advance(alive, never, never)
        np.testing.assert_allclose(rule.pressure, [expected] * 5 + [0], atol=1e-6)
    rule.advance(alive, lambda left: False, lambda left: look(range(6), [0, 1, 2, 3]))
    np.testing.assert_allclose(rule.pressure, [0, 0, 0, 0, 0.6, 0], atol=1e-6)


def test_ranks_press_the_last_and_relieve_the_others():
    rule = ByRank(1.0)
    rule.start(6)
    rule.arrays["pressure"][:] = 0.5
    rule.advance(np.ones(6, bool), never, lambda left: look([5, 4, 3, 2, 1, 0], [2, 3, 4, 5]))
    # Ranks from the least important: 0, 1, ..., 5.
    steps = increments(np.arange(6), 2, 1.0)
    expected = np.clip(0.5 + steps, 0, 1)
    np.testing.assert_allclose(rule.pressure, expected, atol=1e-6)
    assert rule.pressure[0] == 1 and rule.pressure[5] == 0
    np.testing.assert_array_equal(rule.arrays["rank"], np.arange(6))


def test_mean_ranks_count_and_a_channel_may_recover():
    rule = ByRank(0.1)
    rule.start(6)
    alive = np.ones(6, bool)
    rule.advance(alive, never, lambda left: look([0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4]))
    assert rule.pressure[5] == np.float32(0.1)
    for _ in range(3):
        rule.advance(alive, never, lambda left: look([5, 4, 3, 2, 1, 0], [1, 2, 3, 4, 5]))
    assert rule.arrays["rank"][5] == pytest.approx((0 + 5 + 5 + 5) / 4)
    assert rule.pressure[5] == 0 and rule.pressure[0] > 0


def test_no_more_reach_the_end_than_have_to_go():
    rule = ByRank(0.5)
    rule.start(6)
    rule.arrays["pressure"][:] = 1 - 1e-3
    rule.advance(np.ones(6, bool), never, lambda left: look(range(6), range(5)))
    assert np.count_nonzero(rule.pressure >= 1) == 1
    rule.advance(np.ones(6, bool), never, lambda left: look(range(6), range(6)))
    # Nothing has to go: nothing changes.
    assert np.count_nonzero(rule.pressure >= 1) == 1


@pytest.mark.parametrize("rule", [Chosen(0.5), ByRank(0.5)], ids=["chosen", "ranks"])
def test_what_is_remembered_moves_to_a_smaller_model(rule):
    rule.start(6)
    rule.arrays["pressure"] = np.arange(6, dtype="f4") / 6
    # The second and the last channel are gone; label 4 of the new model is a twin of label 1.
    rule.carry(np.array([0, 2, 3, 4, -1]), np.array([0, 1, 2, 3, 1]))
    np.testing.assert_allclose(rule.pressure, np.array([0, 2, 3, 4, 2]) / 6, atol=1e-6)
    assert rule.arrays["times"] == 0
    assert rule.fits(rule.arrays)
    assert not rule.fits({"pressure": np.zeros(5)})


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: Chosen(0), "`growth` must be in"),
        (lambda: ByRank(1.5), "`growth` must be in"),
        (lambda: Chosen(0.5, pick_after=2), "`pick_after` must be >= 0"),
        (lambda: ByRank(0.1, tail=0.6), "`tail` must be in"),
    ],
)
def test_arguments_are_checked(make, message):
    with pytest.raises(ValueError, match=message):
        make()
