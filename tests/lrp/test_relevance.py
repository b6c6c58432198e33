import numpy as np
import pytest

import ccm_tf
from tests import zoo


def test_maps_have_the_names_and_shapes_of_what_they_explain():
    model = zoo.randomise(zoo.chain())
    x, y = zoo.inputs_for(model, 3), zoo.labels_for(model, 3)
    maps = ccm_tf.relevance(model, x, y)
    shapes = {name: found.shape for name, found in maps.items()}
    assert shapes == {
        model.layers[0].name: (3, 8, 8, 3),
        "pool1": (3, 4, 4, 6),
        "conv2": (3, 2, 2, 8),
        "bn_hidden": (3, 5),
    }
    one = ccm_tf.relevance(model, x, y, ["logits", "conv2"])
    np.testing.assert_allclose(one["logits"], np.eye(4)[y])
    np.testing.assert_allclose(one["conv2"], maps["conv2"], atol=1e-6)


def test_unknown_layers_are_named():
    model = zoo.chain()
    with pytest.raises(ValueError, match="no layer 'nothing'. Its layers: .*conv1"):
        ccm_tf.relevance(model, zoo.inputs_for(model), zoo.labels_for(model), ["nothing"])
