import numpy as np
import pytest

from ccm_tf.graph import ChannelGraph
from ccm_tf.kfe.basis import eigenbasis
from ccm_tf.kfe.blocks import find_blocks
from ccm_tf.kfe.factors import factors_of
from ccm_tf.kfe.fisher import squared_gradients
from ccm_tf.kfe.passes import PassOptions
from ccm_tf.statistics.gradients import weight_gradients
from tests import zoo
from tests.kfe import examples, golden

LINEAR = PassOptions("empirical", golden.linear_loss)


def squares(model, data, options=LINEAR, bases=None):
    graph = ChannelGraph(model)
    blocks = list(find_blocks(graph)[0].values())
    return squared_gradients(graph, blocks, data, options, bases)


def rescaled(model, data):
    graph = ChannelGraph(model)
    ((name, block),) = find_blocks(graph)[0].items()
    basis = eigenbasis(block.kernel(), factors_of(graph, data, LINEAR)[name])
    bases = {name: (basis.inputs, basis.outputs)}
    fisher = squares(model, data, bases=bases)[name][0]
    return basis, fisher


def test_golden_convolution():
    basis, fisher = rescaled(golden.model(), golden.data())
    assert fisher.sum() == pytest.approx(18009, rel=1e-6)
    scored = basis.rescaled(fisher)
    np.testing.assert_allclose(
        scored.input_scores, [6321.38220146, 18006.04081673, 10609.08313778], rtol=2e-6
    )
    np.testing.assert_allclose(scored.output_scores, [19345.9913527, 15590.51480327], rtol=2e-6)


def test_golden_diagonal():
    fisher, bias = squares(golden.model(), golden.data())["conv"]
    _, _, kernel = golden.arrays()
    scores = (kernel.reshape(9, 3, 2) ** 2 * fisher).sum(axis=(0, 1))
    np.testing.assert_array_equal(scores, [12778.5, 19385])
    assert bias is None


def test_values_that_are_not_finite_are_named():
    x, g = golden.data()
    with pytest.raises(ValueError, match="'conv' reads or makes.*NaN"):
        squares(golden.model(), (x * np.nan, g))


def test_any_rotation_keeps_the_trace():
    rng = np.random.default_rng(0)
    rotations = [np.linalg.qr(rng.normal(size=(n, n)))[0] for n in (3, 2)]
    fisher, _ = squares(golden.model(), golden.data(), bases={"conv": tuple(rotations)})["conv"]
    assert fisher.sum() == pytest.approx(18009, rel=1e-6)


def test_independent_inputs_and_gradients_give_the_products():
    x, g = examples.cartesian(examples.A, examples.S)
    basis, fisher = rescaled(golden.dense(2, 2, examples.SECOND.T), (x, g))
    expected = np.outer(basis.input_values, basis.output_values)
    np.testing.assert_allclose(fisher[0], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("make", [zoo.chain, zoo.shared, zoo.sequence])
def test_squares_of_the_gradients_that_autodiff_takes(make):
    model = zoo.randomise(make())
    x, y = zoo.inputs_for(model, 3), zoo.labels_for(model, 3)
    loss = {"label": None, "score": None} if make is zoo.shared else None
    options = PassOptions("empirical", loss, batch_size=2)
    found = squares(model, (x, y), options)
    graph = ChannelGraph(model)
    blocks = find_blocks(graph)[0]
    layers = [block.op for block in blocks.values()]
    variables = [layer.kernel for layer in layers] + [layer.bias for layer in layers]
    expected = [np.zeros(tuple(v.shape)) for v in variables]
    for _, gradients in weight_gradients(graph, (x, y), variables, loss, batch_size=1):
        for total, gradient in zip(expected, gradients, strict=True):
            total += gradient**2 / 3
    for number, (name, block) in enumerate(blocks.items()):
        kernel, bias = found[name]
        wanted = expected[number].reshape(block.shape)
        np.testing.assert_allclose(kernel, wanted, rtol=2e-3, atol=1e-4 * wanted.max())
        wanted = expected[len(blocks) + number]
        np.testing.assert_allclose(bias, wanted, rtol=2e-3, atol=1e-4 * wanted.max())
