"""tfmot's part, in a process of its own because importing tfmot changes `tf.keras`:

    python -m benchmarks.peers.tfmot_side job.json

Trains a network for the steps of the fine-tuning while tfmot sets the smallest weights of every
kernel to zero, and saves it as a Keras 3 network.
"""

import json
import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras

import ccm_tf
from benchmarks.accuracy.environment import limit_threads
from benchmarks.peers import inputs, network
from tasks.learning_rates import OneCycle


def schedule(sparsity, steps):
    """tfmot's gradual schedule: sparser and sparser over the first half, then constant."""
    import tensorflow_model_optimization as tfmot

    # Ten times in the half of the steps, which is tfmot's usual rhythm scaled to a short training.
    return tfmot.sparsity.keras.PolynomialDecay(
        initial_sparsity=0.0,
        final_sparsity=sparsity,
        begin_step=0,
        end_step=steps // 2,
        frequency=max(1, steps // 20),
    )


def rates_setter(tf_keras, rates):
    """A callback that sets the learning rate of every step."""

    class Rates(tf_keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            self.model.optimizer.learning_rate.assign(rates[batch])

    return Rates()


def trained(legacy, sparsity, batches, recipe):
    """Trains a model of tf_keras with SGD, the rates and the L2 of the other fine-tunings."""
    import tensorflow as tf
    import tensorflow_model_optimization as tfmot
    import tf_keras

    steps = recipe["steps"]
    kernels = (tf_keras.layers.Conv2D, tf_keras.layers.Dense)

    def wrapped(layer):
        if not isinstance(layer, kernels):
            return layer
        return tfmot.sparsity.keras.prune_low_magnitude(layer, schedule(sparsity, steps))

    # Layer by layer, as tfmot's guide has it: it refuses whole models with slices among them.
    model = tf_keras.models.clone_model(legacy, clone_function=wrapped)
    variables = model.trainable_variables
    model.add_loss(lambda: recipe["l2"] * tf.add_n([tf.reduce_sum(v**2) for v in variables]))
    model.compile(
        tf_keras.optimizers.SGD(recipe["learning_rate"], momentum=recipe["momentum"]),
        tf_keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    cycle = OneCycle(recipe["learning_rate"], steps)
    rates = [float(cycle(step)) for step in range(steps)]
    callbacks = [tfmot.sparsity.keras.UpdatePruningStep(), rates_setter(tf_keras, rates)]
    stream = (batches[index] for index in range(steps))
    model.fit(stream, steps_per_epoch=steps, epochs=1, verbose=2, callbacks=callbacks)
    return tfmot.sparsity.keras.strip_pruning(model)


def main(path):
    """Runs the job of a file."""
    path = pathlib.Path(path)
    job = json.loads(path.read_text(encoding="utf-8"))
    limit_threads(job["threads"])
    model = keras.models.load_model(job["model"], compile=False)
    images, _ = inputs.read(job["inputs"])
    recipe = job["recipe"]
    legacy = ccm_tf.tfmot.to_tf_keras(model)
    stripped = trained(legacy, job["sparsity"], images.tuning_batches(), recipe)
    found = ccm_tf.tfmot.from_tf_keras(stripped)
    print(f"zeros: {network.share_of_zeros(found):.4f}", flush=True)
    network.save(found, pathlib.Path(job["output"]))


if __name__ == "__main__":
    main(sys.argv[1])
