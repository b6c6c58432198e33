"""A model, data and a training that every number of replicas has to repeat."""

import keras
import numpy as np

import ccm_tf
from ccm_tf.distribute import synchronised

BATCH, STEPS = 16, 20


def data(samples=BATCH * STEPS):
    rng = np.random.default_rng(0)
    return rng.normal(size=(samples, 8, 8, 3)).astype("float32"), rng.integers(0, 3, samples)


def network(activity=True):
    inputs = keras.Input((8, 8, 3))
    penalty = keras.regularizers.L2(1e-3)
    x = keras.layers.Conv2D(6, 3, kernel_regularizer=penalty, name="conv1")(inputs)
    x = keras.layers.BatchNormalization(name="bn1")(x)
    x = keras.layers.ReLU(name="relu1")(x)
    on_outputs = penalty if activity else None
    x = keras.layers.Conv2D(5, 3, activity_regularizer=on_outputs, name="conv2")(x)
    x = keras.layers.ReLU(name="relu2")(x)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(inputs, keras.layers.Dense(3, name="logits")(x), name="small")


def compiled(several, steps_per_execution=1, activity=True):
    """The model ready to train, with every kind of loss term.

    Replicas of one process share Keras's list of `add_loss` terms, so that with synchronised layers
    the reported loss counts activity regularizers once for each (gradients are right).
    """
    keras.utils.set_random_seed(0)
    plain = network(activity)
    model = ccm_tf.Model.from_model(synchronised(plain) if several else plain)
    model.add_loss(ccm_tf.CCMLoss("relu1", weight=0.5))
    model.add_loss(ccm_tf.CCMLoss("relu2", weight=0.5, over="samples"))
    model.compile(
        keras.optimizers.SGD(0.05, momentum=0.9),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        steps_per_execution=steps_per_execution,
        jit_compile=False,
    )
    return model


class Steps(keras.callbacks.Callback):
    """The loss so far, after every step."""

    def __init__(self):
        super().__init__()
        self.losses = []

    def on_train_batch_end(self, batch, logs=None):
        self.losses.append(float(logs["loss"]))


def trained(fit, model):
    """Losses, weights and logs of one epoch with validation."""
    steps = Steps()
    x, y = data(BATCH * STEPS + 37)
    train, validation = (x[: BATCH * STEPS], y[: BATCH * STEPS]), (x[-37:], y[-37:])
    history = fit(
        model,
        *train,
        batch_size=BATCH,
        epochs=1,
        shuffle=False,
        verbose=0,
        validation_data=validation,
        callbacks=[steps],
    )
    logs = {key: values[-1] for key, values in history.history.items()}
    weights = [keras.ops.convert_to_numpy(w) for w in model.weights]
    return steps.losses, weights, logs


def assert_same(one, other, tolerance=1e-5):
    for a, b in zip(one[1], other[1], strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)
    assert one[2].keys() == other[2].keys()
    for key, value in one[2].items():
        np.testing.assert_allclose(value, other[2][key], tolerance, tolerance, err_msg=key)
    if len(one[0]) == len(other[0]):
        np.testing.assert_allclose(one[0], other[0], rtol=tolerance, atol=tolerance)
