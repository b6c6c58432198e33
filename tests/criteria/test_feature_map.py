import keras
import numpy as np
import pytest

import ccm_tf
from ccm_tf.criteria.feature_map import FeatureMapCriterion
from ccm_tf.graph import ChannelGraph
from tests import zoo

# Vector V4 of the method: three channels of 2 x 2, two samples.
MAPS = np.array(
    [
        [[[1, -1], [2, 0]], [[4, 4], [4, 4]], [[0.1, 0.1], [-0.1, 0.1]]],
        [[[1, 1], [-2, 0]], [[2, 2], [2, 2]], [[0.1, 0.3], [0.1, -0.1]]],
    ]
).transpose(0, 2, 3, 1)


@pytest.fixture
def model():
    """A convolution that hands its input on, so that the vector is its feature map."""
    inputs = keras.Input((2, 2, 3))
    conv = keras.layers.Conv2D(3, 1, use_bias=False, name="conv")
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.ReLU()(conv(inputs)))
    model = keras.Model(inputs, keras.layers.Dense(2)(x))
    conv.kernel.assign(np.eye(3).reshape(1, 1, 3, 3))
    return model


def ranking(model, **options):
    graph = ChannelGraph(model)
    (found,) = FeatureMapCriterion(**options).rank(graph, MAPS.astype("float32")).values()
    return found


@pytest.mark.parametrize(
    "measure, scores",
    [("batch_mean_abs", [1, 0.083333, 0.025]), ("abs_mean", [1, 0.333333, 0.041667])],
)
def test_scores_of_the_vector(model, measure, scores):
    found = ranking(model, measure=measure)
    np.testing.assert_allclose(found.scores, scores, atol=1e-6)
    np.testing.assert_allclose(found.details["importance"], scores, atol=1e-6)


@pytest.mark.parametrize(
    "options, threshold, kept",
    [
        ({"measure": "batch_mean_abs"}, 0.1, [1]),
        ({"measure": "abs_mean"}, 0.1, [0, 1]),
        ({"measure": "abs_mean", "thresholds": "relative"}, 0.3, [0, 1]),
        ({"measure": "abs_mean", "thresholds": "relative"}, 0.95, [1]),
    ],
)
def test_energy_is_one_less_the_threshold(model, options, threshold, kept):
    criterion = FeatureMapCriterion(**options)
    data = MAPS.astype("float32")
    plan = ccm_tf.plan(model, criterion, data, energy=1 - threshold)
    assert plan.kept["conv"] == kept


def test_scores_at_the_threshold_go(model):
    model.get_layer("conv").kernel.assign(np.diag([1, 1, 1.0]).reshape(1, 1, 3, 3))
    data = np.ones((4, 2, 2, 3), "float32") * [0.25, 1.0, 0.25]
    plan = ccm_tf.plan(model, "feature_map", data.astype("float32"), energy=0.75)
    assert plan.kept["conv"] == [1]


@pytest.mark.parametrize("thresholds", ["fixed", "relative"])
def test_equal_channels_all_stay(model, thresholds):
    criterion = FeatureMapCriterion(thresholds=thresholds)
    data = np.ones((4, 2, 2, 3), "float32")
    assert ccm_tf.plan(model, criterion, data, energy=0.01).kept["conv"] == [0, 1, 2]


def test_kernels_may_choose_which(model):
    model.get_layer("conv").kernel.assign(np.diag([3, 1, 2.0]).reshape(1, 1, 3, 3))
    data = (MAPS / [3, 1, 2]).astype("float32")
    by_weight = FeatureMapCriterion(measure="abs_mean", select="weight_l1")
    # Two channels exceed the threshold, 0 and 1; the largest kernels are those of 0 and 2.
    assert ccm_tf.plan(model, by_weight, data, energy=0.9).kept["conv"] == [0, 2]


def test_more_batches_than_one_count_if_asked(model):
    data = np.concatenate([MAPS, 0 * MAPS]).astype("float32")
    data[2:, :, :, 2] = 5
    one = FeatureMapCriterion(batch_size=2)
    all_ = FeatureMapCriterion(batch_size=2, max_batches=None)
    assert ccm_tf.plan(model, one, data, energy=0.9).kept["conv"] == [0, 1]
    assert ccm_tf.plan(model, all_, data, energy=0.9).kept["conv"] == [0, 1, 2]
    assert ccm_tf.plan(model, all_, data, energy=0.5).kept["conv"] == [1, 2]


def test_streams_with_several_makers():
    model = zoo.residual()
    zoo.randomise(model)
    data = zoo.inputs_for(model, batch=4)
    plan = ccm_tf.plan(model, "feature_map", data, channels=0.6)
    assert ccm_tf.rewrite(model, plan).count_params() < model.count_params()
