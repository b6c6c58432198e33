import numpy as np
import pytest
from keras import ops

from ccm_tf.recovery.attention import attention_map, attention_transfer

# Vector V1 of the method: maps of 2 x 2 with two and three channels.
STUDENT = np.array([[[1, 0], [2, 1]], [[0, 2], [1, 0]]], "float32").transpose(1, 2, 0)[None]
TEACHER = np.array([[[1, 1], [0, 1]], [[2, 0], [1, 1]], [[0, 1], [1, 0]]], "float32").transpose(
    1, 2, 0
)[None]


def value(tensor):
    return ops.convert_to_numpy(tensor)


def test_vector():
    np.testing.assert_allclose(
        value(attention_map(STUDENT))[0], [0.152499, 0.609994, 0.762493, 0.152499], atol=1e-6
    )
    np.testing.assert_allclose(
        value(attention_map(TEACHER))[0], [0.821995, 0.328798, 0.328798, 0.328798], atol=1e-6
    )
    assert value(attention_transfer(TEACHER, STUDENT)) == pytest.approx(0.186617, abs=1e-6)


def test_scaling_permuting_and_repeating_channels_change_nothing():
    maps = np.random.default_rng(0).normal(size=(3, 4, 5, 6)).astype("float32")
    same = np.concatenate([maps[..., ::-1], maps], axis=-1) * 7
    np.testing.assert_allclose(value(attention_map(same)), value(attention_map(maps)), rtol=1e-5)
    assert 0 <= value(attention_transfer(maps, STUDENT[:, :1].repeat(3, 0)[:, :, :1] * 0)) <= 0.1


@pytest.mark.parametrize("shape", [(2, 7, 3), (2, 4, 5, 3), (2, 2, 3, 4, 3)])
def test_any_number_of_spatial_axes_and_bounds(shape):
    rng = np.random.default_rng(1)
    one, other = rng.normal(size=(2, *shape)).astype("float32")
    positions = np.prod(shape[1:-1])
    assert attention_map(one).shape == (2, positions)
    assert 0 < value(attention_transfer(one, other)) <= 2 / positions


def test_channels_first():
    moved = np.moveaxis(TEACHER, -1, 1), np.moveaxis(STUDENT, -1, 1)
    assert value(attention_transfer(*moved, axis=1)) == pytest.approx(0.186617, abs=1e-6)


def test_other_powers():
    expected = np.abs(TEACHER).mean(axis=-1).reshape(-1)
    expected /= np.linalg.norm(expected)
    np.testing.assert_allclose(value(attention_map(TEACHER, p=1))[0], expected, rtol=1e-6)


def test_dead_maps_are_finite():
    assert value(attention_transfer(TEACHER, np.zeros_like(STUDENT))) == pytest.approx(0.25)
    assert value(attention_transfer(0 * TEACHER, 0 * STUDENT)) == 0
