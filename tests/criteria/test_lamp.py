import keras
import numpy as np
import pytest

from ccm_tf.criteria.lamp import LAMP, lamp_scores
from ccm_tf.graph import ChannelGraph
from ccm_tf.plan import plan
from tests import zoo


def test_scores_by_hand():
    # Sorted: 1, 2, 5, 8; what is left from each on: 16, 15, 13, 8.
    scores = lamp_scores(np.array([5.0, 1.0, 8.0, 2.0]))
    np.testing.assert_allclose(scores, [5 / 13, 1 / 16, 1, 2 / 15])


def test_equal_magnitudes_are_taken_one_by_one():
    np.testing.assert_allclose(lamp_scores(np.ones(4)), [1, 1 / 2, 1 / 3, 1 / 4])


def test_dead_channels():
    np.testing.assert_allclose(lamp_scores(np.array([0.0, 3.0, 0.0])), [0, 1, 0])
    assert not lamp_scores(np.zeros(3)).any()


def test_order_is_that_of_the_norms():
    squares = np.random.default_rng(0).uniform(size=50)
    np.testing.assert_array_equal(np.argsort(lamp_scores(squares)), np.argsort(squares))


def test_channels_of_tied_layers_have_the_weights_of_all():
    inputs = keras.Input((4, 4, 1))
    x = keras.layers.Conv2D(2, 1, name="stem")(inputs)
    y = keras.layers.Conv2D(2, 1, use_bias=False, name="branch")(x)
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Add()([x, y]))
    model = keras.Model(inputs, keras.layers.Dense(2, name="logits")(x))
    model.get_layer("stem").set_weights([np.array([1.0, 3.0]).reshape(1, 1, 1, 2), np.ones(2) * 50])
    model.get_layer("branch").set_weights([np.array([[2.0, 0.0], [0.0, 1.0]])[None, None]])
    graph = ChannelGraph(model)
    ranking = LAMP().rank(graph)[0]
    assert (ranking.order - graph.groups[0].roots[0]).tolist() == [1, 0]
    np.testing.assert_allclose(ranking.scores, [1, 5 / 15])
    np.testing.assert_array_equal(ranking.level, -ranking.scores)


@pytest.mark.parametrize("scale", [1e-3, 1e3])
def test_a_threshold_does_not_depend_on_the_scale_of_a_layer(scale):
    model = zoo.randomise(zoo.chain())
    before = plan(model, "lamp", macs=0.5).kept
    layer = model.get_layer("conv2")
    layer.set_weights([w * scale for w in layer.get_weights()])
    assert plan(model, "lamp", macs=0.5).kept == before
