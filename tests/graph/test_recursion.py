import sys

import keras
import pytest
from keras import layers

from ccm_tf.graph import ChannelGraph
from ccm_tf.graph.recursion import with_deep_recursion
from ccm_tf.pruning_plan import PruningPlan
from ccm_tf.rewrite import rewrite


def depth(count):
    return 0 if count == 0 else 1 + depth(count - 1)


def test_the_limit_is_raised_and_put_back():
    before = sys.getrecursionlimit()
    assert with_deep_recursion(lambda: depth(5 * before)) == 5 * before
    assert sys.getrecursionlimit() == before


def test_other_errors_pass_and_the_limit_is_put_back():
    before = sys.getrecursionlimit()
    with pytest.raises(KeyError):
        with_deep_recursion(lambda: {}[depth(10)])
    assert sys.getrecursionlimit() == before


def test_a_model_of_more_calls_than_the_limit_is_read_and_rewritten():
    inputs = keras.Input((4,))
    first, second = layers.Dense(4, name="first"), layers.Dense(4, name="second")
    x = inputs
    for _ in range(sys.getrecursionlimit() // 2):
        x = second(first(x))
    outputs = layers.Dense(2, name="outputs")(x)
    model = with_deep_recursion(lambda: keras.Model(inputs, outputs))
    assert len(ChannelGraph(model).trace.calls) > sys.getrecursionlimit() - 2
    slim = rewrite(model, PruningPlan.from_kept(model, {"first": [0, 2]}))
    assert slim.get_layer("first").units == 2
