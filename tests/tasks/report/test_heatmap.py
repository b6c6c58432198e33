import base64
import io
import re

import numpy as np
from PIL import Image

from tasks.report.heatmap import NEGATIVE, POSITIVE, heatmap


def test_sign_is_hue_and_strength_is_opacity():
    matrix = np.array([[1.0, -0.5], [0.0, 2.0]])
    data = re.search(r"base64,([^\"]*)", heatmap(matrix, "title")).group(1)
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
    assert tuple(pixels[0, 0]) == (*POSITIVE, 255)
    assert tuple(pixels[0, 1]) == (*NEGATIVE, 128)
    assert pixels[1, 0, 3] == 0 and pixels[1, 1, 3] == 255
