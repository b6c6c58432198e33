"""Correlation matrices as small images for a page."""

import base64
import io

import numpy as np

# Hue of positive and of negative correlation; the strength is the opacity, so that zero shows
# the page's own background, light or dark.
POSITIVE = (79, 107, 237)
NEGATIVE = (224, 108, 48)


def heatmap(matrix: np.ndarray, title: str) -> str:
    """An HTML image of a correlation matrix.

    Args:
        matrix: Array (C, C) of numbers from -1 to 1.
        title: Alternative text.

    Returns:
        An `img` element that holds its data.
    """
    from PIL import Image

    signs = np.where(matrix[..., None] >= 0, POSITIVE, NEGATIVE)
    strength = np.round(255 * np.clip(np.abs(matrix), 0, 1))[..., None]
    pixels = np.concatenate([signs, strength], axis=-1).astype("uint8")
    file = io.BytesIO()
    Image.fromarray(pixels, "RGBA").save(file, "PNG", optimize=True)
    data = base64.b64encode(file.getvalue()).decode("ascii")
    return f'<img class="matrix" alt="{title}" src="data:image/png;base64,{data}">'
