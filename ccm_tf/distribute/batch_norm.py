"""Batch normalisation over the batch of all replicas."""

import keras


def synchronised(model: keras.Model, on: bool = True) -> keras.Model:
    """A copy of a model whose batch normalisation looks at all replicas' samples, or no more.

    Without it each replica normalises by its own part of the batch: several replicas then train
    another network than one device does, the more so the smaller the parts. The weights are
    copied, in the scope that is entered. TensorFlow only: on JAX the batch is never divided.

    Args:
        model: A functional or sequential model.
        on: `False` makes the ordinary layers again. Defaults to `True`.

    Returns:
        The copy; the model itself if it has no batch normalisation to change.

    Example:

    ```python
    with strategy.scope():
        model = ccm_tf.distribute.synchronised(make_model())
    ```
    """
    norms = [x for x in _layers(model) if isinstance(x, keras.layers.BatchNormalization)]
    if all(layer.synchronized == on for layer in norms):
        return model

    def clone(op: keras.Operation) -> keras.Operation:
        config = op.get_config()
        if isinstance(op, keras.layers.BatchNormalization):
            config["synchronized"] = on
        return type(op).from_config(config)

    copy = keras.models.clone_model(model, clone_function=clone)
    copy.set_weights(model.get_weights())
    return copy


def _layers(model: keras.Model) -> list[keras.layers.Layer]:
    found: list[keras.layers.Layer] = []
    for layer in model.layers:
        found += _layers(layer) if isinstance(layer, keras.Model) else [layer]
    return found
