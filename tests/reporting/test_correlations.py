import numpy as np
import pytest

import ccm_tf
from ccm_tf.reporting.correlations import _described, _spread, as_values, correlation_pairs
from tests import zoo


def test_spread_takes_first_and_last():
    assert _spread(12, 4) == [0, 4, 7, 11]
    assert _spread(2, 4) == [0, 1]
    assert _spread(0, 4) == []


def test_channels_that_go_together_stand_together():
    groups = np.array([0, 1, 0, 1, 0])
    matrix = (groups[:, None] == groups).astype(float)
    described = _described("relu", matrix)
    assert described.components == 2
    assert described.mean_abs == pytest.approx((9 + 4) / 25)
    expected = np.block([[np.ones((3, 3)), np.zeros((3, 2))], [np.zeros((2, 3)), np.ones((2, 2))]])
    assert np.array_equal(described.matrix, expected) or np.array_equal(
        described.matrix, expected[::-1, ::-1]
    )


def test_same_layers_before_and_after():
    model = zoo.randomise(zoo.residual())
    slim = ccm_tf.rewrite(model, zoo.random_plan(model))
    images = np.random.default_rng(0).normal(size=(4, 8, 8, 3)).astype("float32")
    pairs = correlation_pairs(model, slim, [(images,)])
    assert len(pairs) >= 3
    for before, after in pairs:
        assert before.layer == after.layer
        assert len(after.matrix) <= len(before.matrix)
        np.testing.assert_allclose(before.matrix, before.matrix.T, atol=1e-12)
    (first, *_) = as_values(pairs)
    assert first["before"]["channels"] == len(pairs[0][0].matrix)


def test_models_without_a_common_layer_have_no_pairs():
    images = np.zeros((1, 8, 8, 3), "float32")
    assert correlation_pairs(zoo.residual(), zoo.sequential(), [(images,)]) == []
