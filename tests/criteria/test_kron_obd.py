import numpy as np

from ccm_tf.criteria.kron_obd import KronOBD
from tests.criteria.curvature_cases import golden_scores, hand_scores
from tests.kfe import examples


def test_golden_convolution():
    np.testing.assert_array_equal(golden_scores(KronOBD), [23700.125, 23774.0])


def test_hand_checked_layers():
    np.testing.assert_allclose(hand_scores(KronOBD, examples.FIRST), [10, 0], rtol=1e-5)
    np.testing.assert_allclose(hand_scores(KronOBD, examples.SECOND), [70, 70], rtol=1e-5)
