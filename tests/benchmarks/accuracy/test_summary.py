import math

import pytest

from benchmarks.accuracy.summary import group, noise, pooled_spread, within_noise_of_best


def _one(rows):
    return next(iter(group(rows).values()))


def test_mean_and_spread_over_seeds(result_row):
    g = _one([result_row(0.80, seed=1), result_row(0.82, seed=0)])
    assert [row["seed"] for row in g.rows] == [0, 1]
    assert g.accuracy == pytest.approx(81.0)
    assert g.spread == pytest.approx(math.sqrt(2.0))
    assert _one([result_row(0.8)]).spread is None


def test_seeds_group_and_labels_part(result_row):
    rows = [result_row(0.8, seed=s, training=t) for t in ("none", "samples") for s in (0, 1)]
    assert [len(g.rows) for g in group(rows).values()] == [2, 2]


def test_pooled_spread_weighs_by_freedom(result_row):
    wide = _one([result_row(0.80, seed=0), result_row(0.84, seed=1)])
    narrow = _one([result_row(0.80, seed=s) for s in range(3)])
    # Squares 8 with one degree of freedom and 0 with two.
    assert pooled_spread([wide, narrow]) == pytest.approx(math.sqrt(8.0 / 3.0))
    assert pooled_spread([_one([result_row(0.8)])]) is None


def test_noise_of_single_seeds_is_that_of_the_test_set(result_row):
    one, other = _one([result_row(0.5)]), _one([result_row(0.9)])
    expected = 2.0 * math.sqrt((0.25 + 0.09) / 10000) * 100.0
    assert noise(one, other, None) == pytest.approx(expected)


def test_noise_of_spread_seeds_is_larger(result_row):
    one, other = _one([result_row(0.5)]), _one([result_row(0.9)])
    assert noise(one, other, 3.0) == pytest.approx(2.0 * math.sqrt(18.0))


def test_three_seeds_have_a_spread_of_their_own(result_row):
    one = _one([result_row(a, seed=s) for s, a in enumerate((0.48, 0.50, 0.52))])
    other = _one([result_row(a, seed=s) for s, a in enumerate((0.86, 0.90, 0.94))])
    # Whatever wild others there are.
    assert noise(one, other, 30.0) == pytest.approx(2.0 * math.sqrt(4.0 / 3 + 16.0 / 3))


def test_within_noise_of_best(result_row):
    rows = [result_row(a, training=t) for t, a in (("a", 0.70), ("b", 0.80), ("c", 0.795))]
    best, ties = within_noise_of_best(list(group(rows).values()), None)
    assert best.label("training") == "b"
    assert [g.label("training") for g in ties] == ["c"]
