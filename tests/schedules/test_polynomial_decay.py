import numpy as np
import pytest

from ccm_tf.schedules import PolynomialDecay


@pytest.mark.parametrize(
    "step, due, sparsity",
    [
        (0, False, 0.2),
        (1000, True, 0.2),
        (1100, True, 0.3626),
        (1250, False, 0.546875),
        (1500, True, 0.725),
        (2000, True, 0.8),
        (2100, False, 0.8),
    ],
)
def test_reference_values(step, due, sparsity):
    found = PolynomialDecay(0.2, 0.8, 1000, 2000)(step)
    assert found[0] is due
    np.testing.assert_allclose(found[1], sparsity, rtol=1e-7)


def test_it_needs_an_end():
    with pytest.raises(ValueError, match="needs an end"):
        PolynomialDecay(0.2, 0.8, 0, -1)
