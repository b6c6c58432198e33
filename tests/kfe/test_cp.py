import numpy as np
import pytest

from ccm_tf.kfe.cp import canonical_polyadic, composed


@pytest.mark.parametrize("seed", range(3))
def test_a_tensor_of_low_rank_is_found(seed):
    rng = np.random.default_rng(seed)
    tensor = composed(*(rng.normal(size=(n, 3)) for n in (9, 5, 4)))
    found = composed(*canonical_polyadic(tensor, 3, iterations=2000, tolerance=1e-15))
    np.testing.assert_allclose(found, tensor, atol=1e-5 * np.abs(tensor).max())


def test_more_terms_than_an_axis_is_long():
    tensor = np.random.default_rng(0).normal(size=(2, 3, 3))
    errors = [
        np.linalg.norm(tensor - composed(*canonical_polyadic(tensor, rank))) for rank in (1, 3, 5)
    ]
    assert errors[0] > errors[1] > errors[2]


def test_zeros():
    factors = canonical_polyadic(np.zeros((3, 2, 2)), 2)
    np.testing.assert_allclose(composed(*factors), 0, atol=1e-12)
