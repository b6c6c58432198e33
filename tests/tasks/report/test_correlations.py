import numpy as np
import pytest

from tasks.report.correlations import _described, _spread, correlations
from tasks.stages.select import statistics_images


def test_spread_takes_first_and_last():
    assert _spread(12, 4) == [0, 4, 7, 11]
    assert _spread(2, 4) == [0, 1]


def test_channels_that_go_together_stand_together():
    groups = np.array([0, 1, 0, 1, 0])
    matrix = (groups[:, None] == groups).astype(float)
    described = _described("relu", matrix)
    assert described.components == 2
    assert described.mean_abs == pytest.approx((9 + 4) / 25)
    expected = np.block([[np.ones((3, 3)), np.zeros((3, 2))], [np.zeros((2, 3)), np.ones((2, 2))]])
    assert np.array_equal(described.matrix, expected) or np.array_equal(
        described.matrix, expected[::-1, ::-1]
    )


@pytest.mark.tensorflow
def test_same_layers_before_and_after(finished):
    images = statistics_images(finished)
    before, after = (correlations(finished, name, images) for name in ("dense", "finetuned"))
    assert [c.layer for c in before] == [c.layer for c in after]
    for dense, slim in zip(before, after, strict=True):
        assert len(slim.matrix) <= len(dense.matrix)
        assert np.abs(dense.matrix).max() <= 1
        np.testing.assert_allclose(dense.matrix, dense.matrix.T, atol=1e-12)
