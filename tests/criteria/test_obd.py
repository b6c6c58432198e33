import numpy as np

from ccm_tf.criteria.obd import OBD
from tests import zoo
from tests.criteria.curvature_cases import golden_scores, scores


def test_golden_convolution():
    np.testing.assert_array_equal(golden_scores(OBD), [12778.5, 19385])


def test_the_bias_counts():
    model = zoo.randomise(zoo.chain())
    x = zoo.inputs_for(model, 8)
    before = scores(OBD(), model, x)
    bias = model.get_layer("conv1").bias
    bias.assign(3 * bias)
    # The output changes with it; only that the score sees it is asked for.
    assert not np.allclose(scores(OBD(), model, x), before)
