"""A small model's gradients in the middle of another model's training step."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from ccm_tf.statistics.backend import for_backend

Loss = Callable[[Callable[[Any], Any]], tuple[Any, Any]]


def gradients_of(model: keras.Model, loss: Loss) -> tuple[Any, Any, list[Any]]:
    """A loss of a model and its gradients, inside whatever is being traced.

    Args:
        model: A built model.
        loss: `loss(run)` returns a scalar and whatever else the caller wants to know, where
            `run(x)` is the model's output for x.

    Returns:
        The scalar, the rest, and a list of gradients like `model.trainable_variables`.

    Raises:
        NotImplementedError: If the backend is neither TensorFlow nor JAX.
    """
    return for_backend(_BACKENDS)(model, loss)


def _tensorflow(model, loss):
    import tensorflow as tf

    with tf.GradientTape() as tape:
        value, rest = loss(lambda x: model(x, training=True))
    return value, rest, tape.gradient(value, [v.value for v in model.trainable_variables])


def _jax(model, loss):
    import jax

    # In a training step variables have the values of that step: ask for these.
    fixed = [ops.convert_to_tensor(v) for v in model.non_trainable_variables]
    values = [ops.convert_to_tensor(v) for v in model.trainable_variables]

    def function(values):
        return loss(lambda x: model.stateless_call(values, fixed, x, training=True)[0])

    (value, rest), gradients = jax.value_and_grad(function, has_aux=True)(values)
    return value, rest, gradients


_BACKENDS = {"jax": _jax, "tensorflow": _tensorflow}
