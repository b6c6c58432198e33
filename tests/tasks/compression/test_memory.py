import keras
import pytest

from ccm_tf.graph import ChannelGraph, Trace
from tasks.compression import memory

layers = keras.layers


def net(side):
    inputs = keras.Input((side, side, 3))
    x = layers.Conv2D(8, 3, padding="same", name="a")(inputs)
    y = layers.Conv2D(8, 3, padding="same", name="b")(x)
    return keras.Model(inputs, layers.Conv2D(2, 1, name="c")(layers.Add()([x, y])))


def test_what_is_alive_at_once():
    # While they are added: x, y and their sum.
    assert memory.values_in_flight(Trace(net(4))) == 16 * (8 + 8 + 8)


@pytest.mark.parametrize(("side", "expected"), [(4, 256), (512, 2**29 // (4 * 512 * 512 * 16))])
def test_large_images_pass_in_small_batches(side, expected):
    graph = ChannelGraph(net(side))
    assert memory.images_per_pass(graph) in (expected, 2 * expected)
    assert memory.images_to_fold(graph.trace) == max(1, 2**30 // (8 * side * side * 24))
