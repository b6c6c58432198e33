"""Channel correlation in float64 numpy, written from the formula, and test vectors."""

import keras
import numpy as np

# Rows are channels, columns the four pixels of a 2x2 map.
T1 = [[1, 1, -1, -1], [1, 1, -1, -1], [1, -1, 1, -1], [1, -1, -1, 1]]
T2 = [[1, 2, 3, 4], [1, 2, 3, 4], [4, 3, 2, 1], [1, -1, -1, 1]]
T3 = [[0, 0, 0, 1], [0, 0, 1, 1], [0, 1, 1, 1], [1, 0, 0, 0]]
T5 = [[1, 2, 3, 4], [1, 2, 3, 4], [1, -1, -1, 1], [0, 0, 0, 0]]


def maps(*images):
    """Images given as rows of channels, as features (B, 2, 2, C)."""
    return np.stack([np.asarray(rows, "float64").T.reshape(2, 2, -1) for rows in images])


T4 = maps([[2, 0, 0, 0], [0, 2, 0, 0]], [[0, 0, 2, 0], [0, 0, 2, 0]])


def t6(relu):
    b, h, w, c = np.meshgrid(range(3), range(4), range(4), range(5), indexing="ij")
    values = np.sin(0.37 * (b + 1) * (c + 1) + 1.1 * h + 0.53 * w * (c + 1))
    return np.maximum(values, 0) if relu else values


def correlation(features, over="mean_map", epsilon=1e-12):
    features = np.asarray(features, "float64")
    if over == "mean_map" and features.ndim > 2:
        features = features.mean(axis=0)
    rows = features.reshape(-1, features.shape[-1])
    rows = rows - rows.mean(axis=0)
    norms = np.sqrt((rows**2).sum(axis=0) + epsilon)
    return rows.T @ rows / norms / norms[:, None]


def score(features, over="mean_map", epsilon=1e-12):
    return np.abs(correlation(features, over, epsilon)).mean()


def finite_differences(function, x, step=1e-6):
    x = np.array(x, "float64")
    gradient = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        for sign in (1, -1):
            moved = x.copy()
            moved[index] += sign * step
            gradient[index] += sign * function(moved) / (2 * step)
    return gradient


def gradient(function, x, jit=False):
    """Gradient of a scalar function of one tensor, on the running backend."""
    if keras.backend.backend() == "jax":
        import jax

        transformed = jax.grad(function)
        return np.asarray((jax.jit(transformed) if jit else transformed)(x))
    import tensorflow as tf

    def taped(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = function(x)
        return tape.gradient(value, x)

    x = keras.ops.convert_to_tensor(x)
    return (tf.function(taped, jit_compile=True) if jit else taped)(x).numpy()
