import base64
import io
import re

import numpy as np
from PIL import Image

from ccm_tf.reporting.heatmap import NEGATIVE, POSITIVE, coarse, heatmap


def test_sign_is_hue_and_strength_is_opacity():
    matrix = np.array([[1.0, -0.5], [0.0, 2.0]])
    data = re.search(r"base64,([^\"]*)", heatmap(matrix, "title")).group(1)
    image = Image.open(io.BytesIO(base64.b64decode(data)))
    image.load()
    pixels = np.asarray(image.convert("RGBA"))
    assert tuple(pixels[0, 0]) == (*POSITIVE, 255)
    assert tuple(pixels[0, 1][:3]) == NEGATIVE and abs(int(pixels[0, 1][3]) - 128) <= 1
    assert pixels[1, 0, 3] == 0 and pixels[1, 1, 3] == 255


def test_names_are_escaped():
    assert 'alt="a &lt; b"' in heatmap(np.eye(2), "a < b")


def test_large_matrices_are_averaged():
    matrix = np.arange(25.0).reshape(5, 5)
    small = coarse(matrix, 2)
    expected = [[matrix[:3, :3].mean(), matrix[:3, 3:].mean()]]
    expected.append([matrix[3:, :3].mean(), matrix[3:, 3:].mean()])
    np.testing.assert_allclose(small, expected)
    np.testing.assert_array_equal(coarse(matrix, 5), matrix)
    size = len(heatmap(np.eye(2048), "wide"))
    assert size < 10_000
