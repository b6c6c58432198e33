import numpy as np

from ccm_tf.criteria.obs import OBS
from tests.criteria.curvature_cases import golden_scores, hand_scores
from tests.kfe import examples


def test_hand_checked_layers():
    np.testing.assert_allclose(hand_scores(OBS, examples.FIRST, damping=0), [2.7, 0], rtol=1e-5)
    np.testing.assert_allclose(hand_scores(OBS, examples.SECOND, damping=0), [13.5, 27], rtol=1e-5)


def test_damping_raises_scores():
    less, more = (golden_scores(OBS, damping=damping) for damping in (1e-3, 1e-1))
    assert np.all(0 < less) and np.all(less < more)
