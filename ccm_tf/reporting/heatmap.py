"""Correlation matrices as small images for a page."""

import base64
import struct
import zlib

import numpy as np

from ccm_tf.reporting.markup import text

# Hue of positive and of negative correlation; the strength is the opacity, so that zero shows
# the page's own background, light or dark. Blue and orange differ to colour-blind readers too.
POSITIVE = (79, 107, 237)
NEGATIVE = (224, 108, 48)

# More pixels than this along a side are more than a page shows.
_MOST = 256
# Numbers from -1 to 1 become the 255 colours from 0 to 2 * _ZERO.
_ZERO = 127


def heatmap(matrix: np.ndarray, title: str) -> str:
    """An HTML image of a correlation matrix.

    Args:
        matrix: Array (C, C) of numbers from -1 to 1. Above 256 channels neighbours are averaged.
        title: Alternative text.

    Returns:
        An `img` element that holds its data.
    """
    data = base64.b64encode(_png(coarse(matrix, _MOST))).decode("ascii")
    return f'<img class="matrix" alt="{text(title)}" src="data:image/png;base64,{data}">'


def coarse(matrix: np.ndarray, most: int) -> np.ndarray:
    """A matrix with at most so many rows and columns, each the mean of some neighbours."""
    parts = np.array_split(np.arange(len(matrix)), min(most, len(matrix)))
    starts = [part[0] for part in parts]
    sums = np.add.reduceat(np.add.reduceat(matrix, starts, axis=0), starts, axis=1)
    counts = np.array([len(part) for part in parts])
    return sums / counts[:, None] / counts


def _png(matrix: np.ndarray) -> bytes:
    """One byte per pixel: a place in a palette of colours and opacities."""
    levels = np.arange(2 * _ZERO + 1) - _ZERO
    colours = np.where(levels[:, None] >= 0, POSITIVE, NEGATIVE).astype("uint8")
    opacity = np.round(255 * np.abs(levels) / _ZERO).astype("uint8")
    places = np.round(_ZERO * np.clip(matrix, -1, 1)).astype(int) + _ZERO
    # Every row begins with the number of its filter: none.
    rows = np.pad(places.astype("uint8"), ((0, 0), (1, 0)))
    height, width = matrix.shape
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            _chunk(b"PLTE", colours.tobytes()),
            _chunk(b"tRNS", opacity.tobytes()),
            _chunk(b"IDAT", zlib.compress(rows.tobytes(), 9)),
            _chunk(b"IEND", b""),
        ]
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
