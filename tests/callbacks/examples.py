"""A network to prune while it trains, and data for it."""

import keras
import numpy as np
from keras import layers

RNG = np.random.default_rng(0)
X = RNG.normal(size=(32, 6, 6, 2)).astype("float32")
Y = RNG.integers(0, 3, 32)


def network():
    """Sigmoids give channels of zeros a gradient, the hardest case for a mask."""
    inputs = keras.Input((6, 6, 2))
    x = layers.Conv2D(6, 3, padding="same", activation="sigmoid", name="a")(inputs)
    y = layers.Conv2D(5, 3, padding="same", use_bias=False, name="b")(x)
    y = layers.ReLU(name="relu")(layers.BatchNormalization(name="bn")(y))
    x = layers.Add(name="add")([x, layers.Conv2D(6, 1, name="c")(y)])
    x = layers.GlobalAveragePooling2D(name="gap")(x)
    return keras.Model(inputs, layers.Dense(3, name="logits")(x), name="network")


def compiled(optimizer="adam", make=network, **options):
    model = make()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, **options)
    return model


def fit(model, *callbacks, epochs=3, **options):
    options = {"batch_size": 8, "shuffle": False, "verbose": 0, **options}
    return model.fit(X, Y, epochs=epochs, callbacks=list(callbacks), **options)


def still(optimizer):
    """A model whose loss is zero, so that only callbacks move its weights."""
    model = network()
    model.compile(optimizer, lambda y, logits: 0 * keras.ops.sum(logits, axis=-1))
    return model
