"""The golden convolution: integer inputs, gradients and kernel, and a model that has them."""

import keras
import numpy as np


def _grid(*shape):
    return np.meshgrid(*(np.arange(s) for s in shape), indexing="ij")


def arrays():
    """Inputs (2, 4, 4, 3), gradients (2, 4, 4, 2) and kernel (3, 3, 3, 2)."""
    n, h, w, c = _grid(2, 4, 4, 3)
    x = (7 * n + 3 * h + 5 * w + 2 * c + n * h * c) % 11 - 5
    n, h, w, o = _grid(2, 4, 4, 2)
    g = (3 * n + 2 * h + 7 * w + 5 * o + h * w * o) % 7 - 3
    u, v, i, o = _grid(3, 3, 3, 2)
    kernel = (u + 2 * v + 3 * i + 5 * o + u * v * o) % 5 - 2
    return x.astype("float32"), g.astype("float32"), kernel.astype("float32")


def linear_loss(y_true, y_pred):
    """A loss whose gradient at the output is whatever is passed as labels."""
    return keras.ops.sum(
        keras.ops.cast(y_true, y_pred.dtype) * y_pred, axis=list(range(1, len(y_pred.shape)))
    )


def model():
    """One 3x3 convolution without bias, padded by one pixel, whose output is the model's."""
    inputs = keras.Input((4, 4, 3))
    layer = keras.layers.Conv2D(2, 3, padding="same", use_bias=False, name="conv")
    made = keras.Model(inputs, layer(inputs))
    layer.kernel.assign(arrays()[2])
    return made


def data():
    """Inputs and, as labels, gradients."""
    x, g, _ = arrays()
    return x, g


def dense(inputs, outputs, kernel=None, use_bias=False):
    """A linear layer alone; `kernel` is (inputs, outputs)."""
    layer = keras.layers.Dense(outputs, use_bias=use_bias, name="dense")
    entry = keras.Input((inputs,))
    made = keras.Model(entry, layer(entry))
    if kernel is not None:
        layer.kernel.assign(kernel)
    return made
