"""The core of a bottleneck as a depthwise convolution between the rotations."""

import numpy as np

from ccm_tf.kfe.blocks import Block
from ccm_tf.kfe.cp import canonical_polyadic

FITS = ("frobenius", "fisher")


def can_separate(block: Block) -> bool:
    """Whether Keras has a depthwise layer that can take the place of a block's core."""
    strides = {axis.stride for axis in block.axes}
    paddings = {axis.padding for axis in block.axes}
    rank = len(block.axes)
    return rank in (1, 2) and block.taps > 1 and len(strides) == 1 and "causal" not in paddings


def separated(
    core: np.ndarray, values: tuple[np.ndarray, np.ndarray], fit: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    r"""A core as pointwise, depthwise, pointwise.

    A CP decomposition $W'_{\delta q p} \approx \sum_r V_{qr} D_{\delta r} U_{pr}$ of rank
    min(inputs, outputs): the pointwise parts go into the rotations.

    Args:
        core: Float64 array (taps, inputs, outputs).
        values: Eigenvalues of the kept input and output directions.
        fit: `"frobenius"` fits every weight alike, `"fisher"` weighs its error with the square
            root of its Fisher information, the product of its two eigenvalues.

    Returns:
        V (inputs, R), D (taps, R) and U (outputs, R).
    """
    rank = min(core.shape[1:])
    scales = [_scale(v) if fit == "fisher" else np.ones(len(v)) for v in values]
    weighted = core * scales[0][None, :, None] * scales[1]
    taps, inputs, outputs = canonical_polyadic(weighted, rank)
    return inputs / scales[0][:, None], taps, outputs / scales[1][:, None]


def _scale(values: np.ndarray) -> np.ndarray:
    """Square roots, none so small that dividing by it would cost all digits."""
    return np.sqrt(np.maximum(values, 1e-6 * max(values.max(), np.finfo(np.float64).tiny)))
