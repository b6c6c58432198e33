import numpy as np
import pytest

from ccm_tf.criteria import Ranking
from ccm_tf.criteria.second_moments import MomentsCriterion
from ccm_tf.criteria.streaming import Seen, View


class Matrix(MomentsCriterion):
    def finish(self, group, observed):
        self.found = self.matrix_of(group, observed)
        return Ranking(group.roots, np.ones(len(group.roots)))


RNG = np.random.default_rng(0)
FIRST = RNG.normal(size=(5, 4, 3)) * [1, 2, 3]
SECOND = RNG.normal(size=(5, 2))


def matrix(kind, first=FIRST, second=SECOND):
    """Units 0, 1, 2 in the first map; 2 and 0 in the second."""
    views = (
        View(0, np.arange(3), np.arange(3)),
        View(1, np.arange(2), np.array([2, 0])),
    )
    criterion = Matrix(kind)
    observed = []
    for view, features in zip(views, (first, second), strict=True):
        statistics = criterion.start(features.shape[-1], [view])
        criterion.update(statistics, features)
        observed.append((view, statistics))
    criterion.finish(Seen(0, "group", np.array([7, 8, 9]), views), observed)
    return criterion.found


def cov(features):
    return np.cov(features.reshape(-1, features.shape[-1]).T, bias=True)


def test_covariances_add_up():
    expected = cov(FIRST)
    expected[np.ix_([2, 0], [2, 0])] += cov(SECOND)
    np.testing.assert_allclose(matrix("covariance"), expected)


def test_correlations_are_averaged_over_the_maps_in_which_units_live():
    one, other = (np.corrcoef(f.reshape(-1, f.shape[-1]).T) for f in (FIRST, SECOND))
    found = matrix("correlation")
    np.testing.assert_allclose(np.diag(found), 1)
    assert found[0, 2] == pytest.approx((one[0, 2] + other[0, 1]) / 2)
    assert found[0, 1] == pytest.approx(one[0, 1] / np.sqrt(2))
    dead = matrix("correlation", second=SECOND * [1, 0])
    assert dead[0, 2] == pytest.approx(one[0, 2] / np.sqrt(2))


def test_dead_units_have_zero_rows():
    found = matrix("correlation", first=FIRST * [1, 0, 1])
    assert not found[1].any() and not found[:, 1].any()
    np.testing.assert_allclose(np.diag(found), [1, 0, 1])


def test_unknown_matrix():
    with pytest.raises(ValueError, match="'correlation', 'covariance'.*'gram'"):
        Matrix("gram")
