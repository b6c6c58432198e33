"""Channel correlation: how alike the channels of a feature map are."""

from typing import Any

import keras
from keras import ops

# What the channels are correlated over.
OVER = ("mean_map", "samples")

# A channel whose standard deviation is below this share of its mean is constant: in float32 the
# rest is rounding noise, which would correlate perfectly with other rounding noise.
CONSTANT = 1e-5


def channel_correlation(features: Any, over: str = "mean_map", epsilon: float = 1e-12) -> Any:
    """Signed Pearson correlation between the channels of a feature map.

    With `over="mean_map"` the images of the batch are averaged first and the channels of that one
    mean map are correlated over its pixels: do two channels have the same average spatial
    profile? This is the matrix of the published CCM-loss. With `over="samples"` they are
    correlated over every pixel of every image: do two channels vary together?

    Everything is computed in float32. A constant channel (a dead ReLU, for instance) correlates
    with nothing: its row, column and diagonal entry are 0. The result is differentiable.

    Args:
        features: Tensor of shape `(batch, ..., channels)` with any number of spatial axes, any
            dtype. Without spatial axes, `(batch, channels)`, a mean map would have no pixels, so
            both settings of `over` correlate over the batch.
        over: `"mean_map"` or `"samples"`. Defaults to `"mean_map"`.
        epsilon: Added to each channel's sum of squared deviations. Defaults to `1e-12`.

    Returns:
        Float32 tensor of shape `(channels, channels)`, symmetric, between -1 and 1.

    Raises:
        ValueError: If `features` has no channel axis, `over` is unknown, or `epsilon` is negative.

    Example:

    ```python
    features = keras.random.normal((8, 16, 16, 32))
    ccm_tf.channel_correlation(features).shape  # (32, 32)
    ```

    Reference:
        Wang et al., "Filter Pruning For CNN With Enhanced Linear Representation Redundancy",
        2023, arXiv 2310.06344.
    """
    check_over(over)
    check_epsilon(epsilon)
    features = ops.convert_to_tensor(features)
    check_features(features)
    if reduces_to_map(features, over):
        rows, mean = centred(mean_map(features))
    else:
        rows, mean = centred(as_rows(ops.cast(features, "float32")))
    gram = ops.matmul(ops.transpose(rows), rows)
    count = ops.cast(ops.shape(rows)[0], "float32")
    inverse = inverse_norms(ops.sum(ops.square(rows), axis=0), mean[0], count, epsilon)
    return gram * inverse[:, None] * inverse[None, :]


def mean_map(features: Any) -> Any:
    """Batch mean of a feature map, float32, shape `(pixels, channels)`; zeros for no images."""
    images = ops.cast(ops.shape(features)[0], "float32")
    total = ops.sum(ops.cast(features, "float32"), axis=0)
    return as_rows(total / ops.maximum(images, 1.0))


def as_rows(values: Any) -> Any:
    """All axes but the last (the channels) flattened into one."""
    return ops.reshape(values, (-1, values.shape[-1]))


def centred(rows: Any) -> tuple[Any, Any]:
    """Rows minus their mean, and that mean; axes `(..., rows, channels)`."""
    # Subtracting the first row before the mean makes constant channels exactly zero, and keeps
    # the digits of channels that vary little around a large mean.
    first = rows[..., :1, :]
    shifted = rows - first
    mean = ops.mean(shifted, axis=-2, keepdims=True)
    return shifted - mean, mean + first


def inverse_norms(squares: Any, mean: Any, count: Any, epsilon: float) -> Any:
    """Per channel 1 / sqrt(sum of squared deviations + epsilon), and 0 for a constant channel.

    Args:
        squares: Sums of squared deviations, shape `(..., channels)`.
        mean: Mean of each channel, same shape.
        count: Number of values that were summed.
        epsilon: Added under the root.

    Returns:
        Tensor of the same shape, with finite gradients everywhere.
    """
    alive = squares > count * ops.square(CONSTANT * mean)
    return ops.where(alive, ops.rsqrt(ops.where(alive, squares + epsilon, 1.0)), 0.0)


def reduces_to_map(features: Any, over: str) -> bool:
    """Whether the batch is averaged first: only when there are pixels to correlate over."""
    return over == "mean_map" and len(features.shape) > 2


def check_over(over: str) -> None:
    """Raises if `over` is not one of `OVER`."""
    if over not in OVER:
        raise ValueError(
            f"Invalid value for argument `over`. Expected one of {OVER}. Received: over={over!r}"
        )


def check_epsilon(epsilon: float) -> None:
    """Raises if `epsilon` is negative or not a number."""
    if not epsilon >= 0:
        raise ValueError(f"Argument `epsilon` must be >= 0. Received: epsilon={epsilon}")


def check_features(features: Any, name: str = "features") -> None:
    """Raises if a tensor (real or symbolic) has no channels that could be correlated."""
    shape = tuple(features.shape)
    if len(shape) < 2:
        raise ValueError(
            f"Expected {name} of shape (batch, ..., channels), with at least two axes. "
            f"Received: shape={shape}"
        )
    if shape[-1] is None:
        raise ValueError(
            f"Expected {name} with a known number of channels (the last axis). "
            f"Received: shape={shape}"
        )
    dtype = keras.backend.standardize_dtype(features.dtype)
    if "float" not in dtype:
        raise ValueError(f"Expected {name} of a float dtype. Received: dtype={dtype}")
