import keras
import pytest

from ccm_tf.graph import ChannelGraph
from ccm_tf.latency.cache import this_device
from ccm_tf.latency.proof import Proof
from ccm_tf.latency.table import LatencyTable


def graph():
    layers = keras.layers
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(8, 3, activation="relu", name="conv")(inputs)
    outputs = layers.Dense(4)(layers.GlobalAveragePooling2D()(x))
    return ChannelGraph(keras.Model(inputs, outputs))


def test_tables_of_other_devices_are_trusted():
    assert Proof.where_possible(graph(), LatencyTable("a phone")) is None


@pytest.mark.jax
def test_without_a_converter_tables_are_trusted():
    assert Proof.where_possible(graph(), LatencyTable(this_device())) is None


@pytest.mark.tensorflow
@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_model_and_slim_copy_are_measured(dtype):
    found = graph()
    mask = found.all_kept()
    mask[found.groups[0].roots[3:]] = False
    proof = Proof.where_possible(found, LatencyTable(this_device(), dtype=dtype))
    for _ in range(2):
        measured = proof(mask)
        assert measured.dense > 0 and measured.slim > 0
