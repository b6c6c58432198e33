import numpy as np
import pytest

from ccm_tf.criteria.reduction import check_option, normalized, places, ranked, reduced

ROOTS = np.array([9, 4, 7])
# Unit 9 is in both parts, unit 4 twice in the second, unit 7 in none; 5 is no unit.
PARTS = [
    (np.array([9, 5]), np.array([1.0, 100.0])),
    (np.array([4, 9, 4]), np.array([2.0, 3.0, 6.0])),
]


@pytest.mark.parametrize(("how", "expected"), [("mean", [2, 4]), ("sum", [4, 8]), ("max", [3, 6])])
def test_reductions(how, expected):
    scores = reduced(ROOTS, PARTS, how)
    np.testing.assert_allclose(scores[:2], expected)
    assert np.isnan(scores[2])


def test_no_parts():
    assert np.isnan(reduced(ROOTS, [], "mean")).all()


@pytest.mark.parametrize(
    ("how", "expected"),
    [("mean", [0.5, 0, 2.5]), ("max", [0.2, 0, 1]), ("none", [1, 0, 5])],
)
def test_normalizations(how, expected):
    np.testing.assert_allclose(normalized(np.array([1.0, 0, 5]), how), expected)


@pytest.mark.parametrize("how", ["mean", "max", "none"])
def test_a_layer_of_zeros_stays_zero(how):
    assert not normalized(np.zeros(3), how).any()


def test_places_of_unsorted_roots():
    units, found = places(ROOTS, np.array([7, 8, 9, 4, 0, 10]))
    assert units.tolist() == [2, 0, 1]
    assert found.tolist() == [True, False, True, True, False, False]


def test_ranked_by_score():
    ranking = ranked(ROOTS, np.array([1.0, 3.0, 1.0]))
    assert ranking.order.tolist() == [4, 9, 7]
    assert ranking.level.tolist() == [-3, -1, -1]


def test_ties_are_broken_without_moving_anything_else():
    scores, ties = np.array([1.0, 1.0, 0.5, 1.0]), np.array([2.0, 8.0, 9.0, 0.0])
    ranking = ranked(np.arange(4), scores, ties)
    assert ranking.order.tolist() == [1, 0, 3, 2]
    assert ranking.scores.tolist() == [1, 1, 1, 0.5]
    assert len(np.unique(ranking.level)) == 4
    np.testing.assert_allclose(ranking.level, [-1, -1, -1, -0.5], atol=1e-8)


def test_ties_of_a_dead_group():
    ranking = ranked(np.arange(3), np.zeros(3), np.zeros(3))
    assert ranking.order.tolist() == [0, 1, 2]


def test_options():
    assert check_option("how", "a", ("a", "b")) == "a"
    with pytest.raises(ValueError, match=r"`how`.*\('a', 'b'\).*how='c'"):
        check_option("how", "c", ("a", "b"))
