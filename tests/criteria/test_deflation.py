import numpy as np
import pytest

from ccm_tf.criteria.deflation import Deflation


@pytest.mark.parametrize("updates", [0, 1, 63, 64, 65, 200])
def test_everything_is_that_of_the_updated_matrix(updates):
    rng = np.random.default_rng(updates)
    matrix = rng.normal(size=(9, 9))
    matrix = matrix + matrix.T
    before = matrix.copy()
    deflated, expected, carried_out = Deflation(matrix), matrix.copy(), 0
    for _ in range(updates):
        vector = rng.normal(size=9)
        expected -= np.outer(vector, vector)
        carried_out += deflated.subtract(vector)
    vector = rng.normal(size=9)
    np.testing.assert_allclose(deflated.diagonal, np.diag(expected), atol=1e-10)
    np.testing.assert_allclose(deflated.column(4), expected[:, 4], atol=1e-10)
    np.testing.assert_allclose(deflated.times(vector), expected @ vector, atol=1e-10)
    np.testing.assert_allclose(deflated.squares(), np.sum(expected**2, axis=0), atol=1e-8)
    np.testing.assert_allclose(deflated.matrix(), expected, atol=1e-10)
    np.testing.assert_array_equal(matrix, before)
    assert carried_out == updates // 64
