"""Batch normalisation over the batch of all replicas."""

import random

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
    if all(layer.synchronized == on for layer in _norms(model)):
        return model

    def clone(op: keras.Operation) -> keras.Operation:
        config = op.get_config()
        if isinstance(op, keras.layers.BatchNormalization):
            config["synchronized"] = on
        return type(op).from_config(config)

    # What is drawn after this must not depend on whether there are replicas: Keras draws seeds, of
    # initial weights that are replaced at once too, from Python's generator.
    drawn = random.getstate()
    copy = keras.models.clone_model(model, clone_function=clone)
    random.setstate(drawn)
    copy.set_weights(model.get_weights())
    return copy


def synchronise(model: keras.Model, on: bool = True) -> None:
    """The same in place, for a model that has an optimizer with a memory. Before its first step.

    Args:
        model: Any model, for instance one that was loaded to train on.
        on: `False` makes the ordinary layers again. Defaults to `True`.
    """
    for layer in _norms(model):
        layer.synchronized = on


def _norms(model: keras.Model) -> list[keras.layers.BatchNormalization]:
    found: list[keras.layers.BatchNormalization] = []
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            found += _norms(layer)
        elif isinstance(layer, keras.layers.BatchNormalization):
            found.append(layer)
    return found
