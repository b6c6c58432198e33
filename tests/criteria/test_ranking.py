import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from ccm_tf.criteria import Ranking
from ccm_tf.criteria.ranking import check_energy


def ranking(scores, **options):
    return Ranking(np.arange(len(scores)), np.array(scores, float), **options)


@pytest.mark.parametrize(
    ("scores", "energy", "kept"),
    [
        # The specification's C3, but for the last two rows.
        ([9.5, 0.2, 0.2, 0.1], 0.9, 1),
        ([9, 0.5, 0.3, 0.2], 0.9, 2),
        ([1, 1, 1, 1], 0.5, 3),
        ([1, 1, 1, 1], 0.75, 4),
        # A dead group keeps one channel, where the reference keeps all.
        ([0, 0, 0, 0], 0.9, 1),
        ([0, 0, 0, 0], 1.0, 4),
    ],
)
def test_spec_c3(scores, energy, kept):
    assert ranking(scores).cut(energy) == kept


def test_ties_survive_rounding():
    scores = np.array([3 + 4e-16, 1, 1e-17, 0])
    assert ranking(scores).cut(0.75) == 2


@hypothesis.given(
    st.lists(st.integers(0, 20), min_size=1, max_size=12), st.integers(1, 100), st.integers(1, 100)
)
def test_cut_is_the_shortest_prefix_with_strictly_more(scores, percent, other):
    scores = sorted(scores, reverse=True)
    found = ranking(scores).cut(percent / 100)
    assert 1 <= found <= len(scores)
    prefixes = [
        k for k in range(1, len(scores) + 1) if 100 * sum(scores[:k]) > percent * sum(scores)
    ]
    expected = min(prefixes, default=1 if sum(scores) == 0 and percent < 100 else len(scores))
    assert found == expected
    if other >= percent:
        assert ranking(scores).cut(other / 100) >= found


def test_level_is_the_energy_by_default():
    r = ranking([5, 3, 1, 1])
    np.testing.assert_allclose(r.level, [0, 0.5, 0.8, 0.9])
    for energy in (0.1, 0.5, 0.79, 0.8, 0.85, 0.9, 1.0):
        assert np.count_nonzero(r.level <= energy) == r.cut(energy)


def test_level_of_its_own_leaves_the_cut_alone():
    r = ranking([5, 3, 1, 1], level=[-5, -3, -1, -1])
    np.testing.assert_array_equal(r.level, [-5, -3, -1, -1])
    assert r.cut(0.5) == 2


def test_order_and_length():
    r = Ranking([4, 7, 2], [3, 2, 1])
    assert len(r) == 3
    assert isinstance(r.order, np.ndarray) and isinstance(r.scores, np.ndarray)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1, 2], [1.0]), r"\(2,\) and \(1,\)"),
        (([], []), "at least one"),
        (([1, 2], [1.0, -1.0]), ">= 0"),
        (([1, 2], [1.0, np.nan]), "finite"),
        (([1, 2], [1.0, 1.0], [2.0, 1.0]), "level.*non-decreasing"),
        (([1, 2], [1.0, 1.0], None, [0.5]), "shares"),
    ],
)
def test_nonsense_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Ranking(*arguments)


@pytest.mark.parametrize("energy", [0, -0.1, 1.01, float("nan"), True])
def test_energy_outside_its_range(energy):
    with pytest.raises(ValueError, match=r"\(0, 1\].*Received"):
        ranking([1, 1]).cut(energy)
    with pytest.raises(ValueError, match=r"\(0, 1\]"):
        check_energy(energy)
