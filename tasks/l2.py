"""L2 penalties on every trainable weight, as PyTorch's coupled weight decay."""

import keras

_KEYS = (
    "kernel_regularizer",
    "depthwise_regularizer",
    "pointwise_regularizer",
    "bias_regularizer",
    "gamma_regularizer",
    "beta_regularizer",
)


def with_l2(model: keras.Model, l2: float) -> keras.Model:
    """Copies a model with `l2 * sum(w^2)` as penalty on kernels, biases, gammas and betas.

    PyTorch's `weight_decay=d` adds `d * w` to the gradient, which is this penalty with l2 = d / 2.
    Penalties that the model has already are replaced. They have to be there when a layer is
    built: set afterwards, Keras ignores them without a word.

    Args:
        model: A functional model.
        l2: Strength, at least 0; 0 removes penalties.

    Returns:
        A copy with the same weights.
    """
    penalty = keras.regularizers.L2(l2) if l2 else None

    def clone(op):
        config = op.get_config()
        for key in _KEYS:
            if key in config:
                config[key] = penalty
        return type(op).from_config(config)

    copy = keras.models.clone_model(model, clone_function=clone)
    copy.set_weights(model.get_weights())
    return copy
