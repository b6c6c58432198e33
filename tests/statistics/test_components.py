import numpy as np
import pytest

from ccm_tf.statistics.components import components_that_hold


@pytest.mark.parametrize(
    ("eigenvalues", "share", "count"),
    [
        ([1.0, 9.0], 0.9, 1),
        ([1.0, 8.9], 0.9, 2),
        ([0.1] * 10, 0.9, 9),
        ([2.0, -1e-17, 1.0], 1.0, 2),
        ([0.0, 0.0, 0.0], 0.9, 1),
    ],
)
def test_fewest_that_hold_the_share(eigenvalues, share, count):
    assert components_that_hold(np.array(eigenvalues), share) == count
