import pytest

from ccm_tf.latency.grid import Grid
from ccm_tf.latency.operators import Operator

CONV, POOL = Operator("conv", 8, 8, (3, 3)), Operator("max_pool", 8, 8, (2, 2), (2, 2))


def test_points_lie_on_the_steps():
    assert Grid.points(CONV, (64, 100), (1, 32)) == ([1, 8, 16, 32, 64], [32, 64, 128])
    assert Grid.points(POOL, (64, 64), (1, 1)) == ([1, 8, 16, 32, 64], [0])
    assert Grid.points(CONV, (3, 8), (1, 1)) == ([1, 2, 3], [1, 2, 4, 8])


def test_interpolation():
    grid = Grid.of([1, 11], [8, 16], [1.0, 2.0, 11.0, 22.0])
    assert grid.at((11, 16), (1, 8)) == 22.0
    assert grid.at((6, 8), (1, 8)) == pytest.approx(6.0)
    # The device rounds 9 channels up to 16, so they take as long.
    assert grid.at((6, 9), (1, 8)) == grid.at((6, 16), (1, 8)) == pytest.approx(12.0)
    assert grid.at((6, 12), (1, 1)) == pytest.approx(9.0)
    assert grid.covers((11, 16)) and not grid.covers((12, 1)) and not grid.covers((1, 17))
    narrow = Grid.of([2, 4], [0], [1.0, 3.0])
    assert narrow.at((3, 3), (1, 1)) == 2.0 and narrow.covers((4, 99))


def test_noise_does_not_make_wider_operators_faster():
    grid = Grid.of([1, 2, 3], [0], [1.0, 3.0, 2.0])
    assert [row[0] for row in grid.milliseconds] == [1.0, 3.0, 3.0]
