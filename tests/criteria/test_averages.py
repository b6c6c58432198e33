import numpy as np
import pytest

from ccm_tf.criteria import Ranking
from ccm_tf.criteria.averages import AverageCriterion
from ccm_tf.criteria.streaming import Seen, View


class Squares(AverageCriterion):
    def measure(self, values):
        return {"squares": np.sum(values.astype(np.float64) ** 2, axis=0)}

    def finish(self, group, observed):
        return Ranking(group.roots, self.scores("squares", group, observed, self.normalization))


FIRST = View(0, np.array([0, 1]), np.array([0, 1]))
SECOND = View(1, np.array([2]), np.array([0]))
GROUP = Seen(0, "group", np.array([4, 5]), (FIRST, SECOND))
MAPS = [
    np.array([[[1.0, 2.0, 9.0], [3.0, 0.0, 9.0]]]),
    np.array([[0.0, 0.0, 3.0], [0.0, 3.0, 1.0]]),
]


def scores(reduction, normalization):
    criterion = Squares(reduction, normalization)
    observed = []
    for view, features in zip((FIRST, SECOND), MAPS, strict=True):
        statistics = criterion.start(3, [view])
        for sample in features:
            criterion.update(statistics, sample[None])
        observed.append((view, statistics))
    return criterion.finish(GROUP, observed).scores.tolist()


@pytest.mark.parametrize(
    ("reduction", "normalization", "expected"),
    [
        # Averages over samples and pixels: (5, 2, 81) and (0, 4.5, 5).
        ("mean", "none", [5, 2]),
        ("sum", "none", [10, 2]),
        ("max", "none", [5, 2]),
        ("sum", "max", [5 / 81 + 1, 2 / 81]),
        ("max", "mean", [5 / (9.5 / 3), 2 / (88 / 3)]),
    ],
)
def test_scores_by_hand(reduction, normalization, expected):
    np.testing.assert_allclose(scores(reduction, normalization), expected)


@pytest.mark.parametrize("arguments", [("median", "none"), ("mean", "median")])
def test_unknown_options(arguments):
    with pytest.raises(ValueError, match="'median'"):
        Squares(*arguments)
