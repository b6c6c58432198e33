import numpy as np
import pytest

from ccm_tf.graph import ChannelGraph
from ccm_tf.kfe.basis import eigen, eigenbasis
from ccm_tf.kfe.blocks import find_blocks
from ccm_tf.kfe.factors import kronecker_factors
from tests.kfe import examples, golden


def of_rows(rows, omega=examples.A, gamma=examples.S):
    """The eigenbasis of a dense layer with weights (outputs, inputs)."""
    return eigenbasis(rows.T[None], examples.factors(omega, gamma))


def test_eigenvalues_are_ascending_and_rounding_is_zero():
    values, vectors = eigen(np.array([[1.0, 1.0], [1.0, 1.0]]))
    np.testing.assert_allclose(values, [0, 2], atol=1e-15)
    assert values[0] == 0
    assert np.all(vectors[np.argmax(np.abs(vectors), axis=0), [0, 1]] > 0)


def test_hand_checked_layers():
    basis = of_rows(examples.FIRST)
    np.testing.assert_allclose(basis.input_values, [1, 3])
    np.testing.assert_allclose(basis.output_values, [1, 9])
    np.testing.assert_allclose(basis.kernel**2, np.full((1, 2, 2), 0.25), rtol=1e-14)
    np.testing.assert_allclose(basis.input_scores, [2.5, 7.5], rtol=1e-14)
    np.testing.assert_allclose(basis.output_scores, [1, 9], rtol=1e-14)
    basis = of_rows(examples.SECOND)
    np.testing.assert_allclose(basis.kernel[0].T ** 2, [[6.25, 0.25], [2.25, 6.25]], rtol=1e-14)
    np.testing.assert_allclose(basis.input_scores, [26.5, 169.5], rtol=1e-14)
    np.testing.assert_allclose(basis.output_scores, [7, 189], rtol=1e-14)
    diagonal = of_rows(np.array([[1.0, 2.0], [3.0, 4.0]]), np.diag([0.5, 2]), np.diag([1.0, 4]))
    np.testing.assert_allclose(diagonal.importance.T, [[0.5, 8], [18, 128]], rtol=1e-14)
    np.testing.assert_allclose(diagonal.input_scores, [18.5, 136], rtol=1e-14)
    np.testing.assert_allclose(diagonal.output_scores, [8.5, 146], rtol=1e-14)


@pytest.fixture(scope="module")
def convolution():
    model = golden.model()
    factors = kronecker_factors(model, golden.data(), labels="empirical", loss=golden.linear_loss)
    block = find_blocks(ChannelGraph(model))[0]["conv"]
    return block.kernel(), factors["conv"], eigenbasis(block.kernel(), factors["conv"])


def test_golden_convolution(convolution):
    _, _, basis = convolution
    # The published factors are 1/T^2 and T^2 times these.
    np.testing.assert_allclose(
        basis.input_values / 256, [0.30843261, 0.43752312, 0.578046], rtol=0, atol=5e-9
    )
    np.testing.assert_allclose(
        basis.output_values * 256, [1020.22291236, 1091.77708764], rtol=0, atol=5e-9
    )
    np.testing.assert_allclose(
        basis.input_scores, [8647.86205082, 19365.11014156, 24021.93752984], rtol=0, atol=6e-9
    )
    np.testing.assert_allclose(
        basis.output_scores, [19709.21283625, 32325.69688597], rtol=0, atol=6e-9
    )
    np.testing.assert_allclose(basis.importance.sum(), 52034.9097222, rtol=0, atol=5e-8)


def test_both_sides_have_the_same_total(convolution):
    kernel, factors, basis = convolution
    trace = np.einsum(
        "tio,ij,tjp,po->", kernel, factors.omega, kernel, factors.gamma, optimize=True
    )
    assert basis.input_scores.sum() == pytest.approx(trace, rel=1e-13)
    assert basis.output_scores.sum() == pytest.approx(trace, rel=1e-13)
    assert (basis.importance >= 0).all()


def test_output_errors_of_dropped_directions(convolution):
    _, _, basis = convolution
    x, _, kernel = golden.arrays()
    padded = np.pad(x.astype(float), [(0, 0), (1, 1), (1, 1), (0, 0)])
    patches = np.stack(
        [padded[:, u : u + 4, v : v + 4] for u in range(3) for v in range(3)], axis=3
    )

    def error(inputs, outputs):
        into, out = basis.inputs[:, inputs], basis.outputs[:, outputs]
        left = into @ basis.kernel[:, inputs][:, :, outputs] @ out.T
        change = left - kernel.reshape(9, 3, 2)
        return np.sum(np.einsum("nhwti,tio->nhwo", patches, change) ** 2)

    dropped = error([1, 2], [0, 1])
    assert dropped == pytest.approx(5024.91807782, abs=6e-9)
    assert np.sqrt(dropped / 64) == pytest.approx(8.86083207, abs=6e-9)
    assert error([0, 1, 2], [1]) == pytest.approx(9796.43880294, abs=6e-9)


def test_rise_counts_every_weight_once():
    basis = of_rows(examples.SECOND)
    everything = np.arange(2)
    assert basis.rise(everything, everything) == 0
    assert basis.rise(np.array([1]), everything) == pytest.approx(26.5 / 2)
    both = basis.rise(np.array([1]), np.array([1]))
    assert both == pytest.approx((26.5 + 7 - basis.importance[0, 0]) / 2)


def test_the_loss_of_a_linear_layer_rises_as_predicted():
    """Quadratic loss around the layer's own outputs and gradients of unit covariance: exact."""
    rng = np.random.default_rng(0)
    x, rows = rng.normal(size=(50, 4)) @ rng.normal(size=(4, 4)), rng.normal(size=(3, 4))
    orthogonal = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    omega = x.T @ x / len(x)
    basis = eigenbasis(rows.T[None], examples.factors(omega, np.eye(3)))
    for out in (basis.outputs, orthogonal):
        kernel = basis.inputs.T @ rows.T @ out
        importance = kernel**2 * basis.input_values[:, None]
        for kept_in, kept_out in (([1, 2, 3], [0, 1, 2]), ([0, 3], [1, 2]), ([2], [0])):
            left = basis.inputs[:, kept_in] @ kernel[np.ix_(kept_in, kept_out)] @ out[:, kept_out].T
            measured = np.mean(np.sum((x @ (left - rows.T)) ** 2, axis=1)) / 2
            gone = importance.sum() - importance[np.ix_(kept_in, kept_out)].sum()
            assert measured == pytest.approx(gone / 2, rel=1e-12)
    measured = basis.rise(np.array([2]), np.array([0]))
    left = basis.inputs[:, [2]] @ basis.kernel[0][[2]][:, [0]] @ basis.outputs[:, [0]].T
    assert measured == pytest.approx(np.mean(np.sum((x @ (left - rows.T)) ** 2, axis=1)) / 2)
