import numpy as np
import pytest

from tasks.imagenet.crops import MEAN, STD, central_crop, normalised, random_crop

pytestmark = pytest.mark.tensorflow


def encoded(height=48, width=96):
    import tensorflow as tf

    ramp = np.broadcast_to(np.arange(width)[None, :, None] * 2, (height, width, 3))
    return tf.io.encode_png(ramp.astype("uint8"))


def test_the_middle_of_the_image():
    # The shorter side becomes 37 pixels, of which 32 are kept; the longer one is centred.
    found = central_crop(encoded(), 32).numpy()
    assert found.shape == (32, 32, 3) and found.dtype == np.uint8
    assert abs(found[:, :, 0].mean() - 95) < 2
    np.testing.assert_array_equal(found[0], found[-1])


def test_the_same_crop_for_the_same_seed():
    crops = [random_crop(encoded(), 32, np.array([1, n])).numpy() for n in (0, 0, 1, 2)]
    assert crops[0].shape == (32, 32, 3)
    np.testing.assert_array_equal(crops[0], crops[1])
    assert not np.array_equal(crops[0], crops[2]) or not np.array_equal(crops[0], crops[3])


def test_normalised():
    image = np.full((1, 1, 3), 255, np.uint8)
    np.testing.assert_allclose(normalised(image)[0, 0], (1 - np.array(MEAN)) / STD, rtol=1e-6)
