import types

import numpy as np
import pytest

from ccm_tf.graph import ChannelGraph
from ccm_tf.kfe import passes
from ccm_tf.kfe.blocks import find_blocks
from ccm_tf.kfe.passes import PassOptions, gradient_pass
from tests import zoo
from tests.kfe import golden

LINEAR = PassOptions("empirical", golden.linear_loss)


def passed(model, data, statistic, options=LINEAR):
    graph = ChannelGraph(model)
    blocks = list(find_blocks(graph)[0].values())
    return list(gradient_pass(graph, blocks, data, statistic, options))


def test_what_a_layer_reads_makes_and_gets_back():
    x, g, _ = golden.arrays()
    model = golden.model()
    ((samples, ((read, made, back),)),) = passed(
        model, (x, g), lambda block, seen: [seen.inputs[0], seen.outputs[0], seen.gradients[0]]
    )
    assert samples == 2
    np.testing.assert_array_equal(read, x)
    np.testing.assert_array_equal(made, np.asarray(model(x)))
    np.testing.assert_array_equal(back, g)


def test_what_fills_up_a_batch_has_no_weight_and_no_gradient():
    x, g, _ = golden.arrays()
    data = np.concatenate([x, x[:1]]), np.concatenate([g, g[:1]])
    options = PassOptions("empirical", golden.linear_loss, batch_size=2)
    first, second = passed(
        golden.model(), data, lambda block, seen: [seen.gradients[0], seen.weights], options
    )
    assert (first[0], second[0]) == (2, 1)
    gradients, weights = second[1][0]
    np.testing.assert_array_equal(weights, [1, 0])
    assert gradients[0].any() and not gradients[1].any()


def test_every_call_of_a_shared_layer():
    model = zoo.randomise(zoo.shared())
    x, y = zoo.inputs_for(model, 2), zoo.labels_for(model, 2)
    graph = ChannelGraph(model)
    block = find_blocks(graph)[0]["conv"]
    options = PassOptions("empirical")
    ((_, (found,)),) = gradient_pass(
        graph, [block], (x, y), lambda b, seen: list(seen.gradients), options
    )
    assert len(found) == 3 and all(g.shape == (2, 8, 8, 6) for g in found)


def test_axes_folded_into_the_batch():
    call = types.SimpleNamespace(name="inner")
    with pytest.raises(ValueError, match="'inner' reads 6 maps for 2 samples"):
        passes._check_samples(call, np.ones((6, 4)), np.ones(2))


def test_options_are_checked():
    with pytest.raises(ValueError, match="`labels` must be one of"):
        PassOptions("all")
    with pytest.raises(ValueError, match="labels='empirical'"):
        PassOptions(loss="mse")
