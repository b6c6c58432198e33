import numpy as np
import pytest

from ccm_tf.graph import ChannelGraph
from ccm_tf.kfe.blocks import find_blocks
from ccm_tf.kfe.energy import output_energies
from ccm_tf.kfe.factors import factors_of
from ccm_tf.kfe.passes import PassOptions
from tests import zoo
from tests.kfe import golden


@pytest.mark.parametrize("make", [zoo.chain, zoo.sequence])
def test_the_quadratic_form_over_whole_patches(make):
    """With the constant input of a bias: the energy of a channel is its row in the patch factor."""
    model = zoo.randomise(make())
    x = zoo.inputs_for(model, 5)
    graph = ChannelGraph(model)
    blocks = list(find_blocks(graph)[0].values())
    options = PassOptions(batch_size=3)
    found = output_energies(graph, blocks, x, options)
    factors = factors_of(graph, x, options, patches=True)
    for block in blocks:
        energy, gamma = found[block.name]
        rows = np.concatenate(
            [block.kernel().reshape(-1, block.shape[2]), [np.asarray(block.op.bias)]]
        )
        expected = np.einsum("ic,ij,jc->c", rows, factors[block.name].patch_omega, rows)
        np.testing.assert_allclose(energy, expected, rtol=1e-3, atol=1e-4 * expected.max())
        np.testing.assert_allclose(gamma, factors[block.name].gamma, rtol=1e-3, atol=1e-6)


def test_values_that_are_not_finite_are_named():
    x, g = golden.data()
    g = np.where(g > 2, np.inf, g)
    graph = ChannelGraph(golden.model())
    blocks = list(find_blocks(graph)[0].values())
    options = PassOptions("empirical", golden.linear_loss)
    with pytest.raises(ValueError, match="'conv' reads or makes.*NaN"):
        output_energies(graph, blocks, (x, g), options)
