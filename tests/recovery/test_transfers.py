import keras
import numpy as np
import pytest

import ccm_tf
from ccm_tf.graph import ChannelGraph
from ccm_tf.recovery import AttentionTransfer, FeatureTransfer, LogitsTransfer
from ccm_tf.recovery.transfers import Seen
from tests import zoo


@pytest.fixture
def pair():
    """A model and its rewritten copy, whose `stem` lost channel 1 of 4."""
    model = zoo.residual()
    plan = ccm_tf.PruningPlan.from_kept(model, {"stem": [0, 2, 3]})
    return model, ccm_tf.rewrite(model, plan)


@pytest.mark.parametrize(
    "transfer",
    [
        LogitsTransfer(0.3, 7.0, "mse"),
        AttentionTransfer(2.0, p=1, pairs=["a", ("b", "c")]),
        FeatureTransfer(0.5, kept={"a": [1, 2]}),
    ],
)
def test_configs_round_trip(transfer):
    saved = keras.saving.serialize_keras_object(transfer)
    restored = keras.saving.deserialize_keras_object(saved)
    assert type(restored) is type(transfer)
    assert restored.get_config() == transfer.get_config()


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: LogitsTransfer(temperature=0), "temperature"),
        (lambda: LogitsTransfer(measure="l7"), "measure"),
        (lambda: AttentionTransfer(weight=-1), "weight"),
    ],
)
def test_bad_settings_are_told(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_features_compare_the_channels_that_are_left(pair):
    graphs = [ChannelGraph(model) for model in pair]
    transfer = FeatureTransfer(kept={"b2_out": [0, 2, 3]})
    points = transfer.points(*graphs)
    assert [point.name for point in points] == ["b2_out"]
    maps = np.random.default_rng(0).normal(size=(2, 8, 8, 4)).astype("float32")
    left = maps[..., [0, 2, 3]]
    same = transfer.loss(Seen([], [maps], points), Seen([], [left], points))
    assert float(same) == 0
    twice = transfer.loss(Seen([], [maps], points), Seen([], [2 * left], points))
    assert float(twice) == pytest.approx(1, rel=1e-5)


def test_other_widths_need_a_word(pair):
    graphs = [ChannelGraph(model) for model in pair]
    with pytest.raises(ValueError, match="3 channels in the student and 4"):
        FeatureTransfer().points(*graphs)
