import numpy as np

from ccm_tf.criteria.kron_obs import KronOBS
from tests.criteria.curvature_cases import golden_scores, hand_scores
from tests.kfe import examples


def test_golden_convolution():
    found = golden_scores(KronOBS, damping=0)
    np.testing.assert_allclose(found, [23694.6791992, 23768.5372243], rtol=0, atol=5e-8)


def test_hand_checked_layers():
    found = hand_scores(KronOBS, examples.FIRST, damping=0)
    np.testing.assert_allclose(found, [3.6, 0], rtol=1e-5)
    found = hand_scores(KronOBS, examples.SECOND, damping=0)
    np.testing.assert_allclose(found, [25.2, 25.2], rtol=1e-5)
