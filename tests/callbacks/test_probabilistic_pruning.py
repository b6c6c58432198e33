import keras
import numpy as np
import pytest

from ccm_tf.callbacks import ProbabilisticPruning
from ccm_tf.schedules import ConstantSparsity
from tests.callbacks.examples import compiled, fit, still

SCHEDULE = ConstantSparsity(0.5, 2, 18, frequency=2)


class Watch(keras.callbacks.Callback):
    """Which input channels of layer b are zero in each step, and how probable that was."""

    def __init__(self, pruning):
        super().__init__()
        self.pruning = pruning
        self.out, self.probability = [], []

    def on_train_batch_begin(self, batch, logs=None):
        if keras.backend.backend() == "jax":
            self.model.jax_state_sync()
        kernel = keras.ops.convert_to_numpy(self.model.get_layer("b").kernel)
        self.out.append(np.all(kernel == 0, axis=(0, 1, 3)))
        producers = {p.name: p.roots for p in self.pruning.masks.graph.producers}
        self.probability.append(self.pruning.pressure[producers["a"]])


def test_channels_sit_out_as_often_as_their_probability_says():
    model = still(keras.optimizers.SGD(0.5))
    schedule = ConstantSparsity(0.5, 0, 1200, frequency=100)
    pruning = ProbabilisticPruning("magnitude", schedule, growth=0.15)
    watch = Watch(pruning)
    with pytest.warns(UserWarning, match="The schedule prunes up to"):
        fit(model, pruning, watch, epochs=125)
    out, probability = np.array(watch.out), np.array(watch.probability)
    assert not out[probability == 0].any()
    under = (probability > 0) & (probability < 1)
    assert under.sum() > 300
    deviation = np.sqrt(np.sum(probability[under] * (1 - probability[under])))
    assert abs(out[under].sum() - probability[under].sum()) < 4 * deviation


def test_nothing_is_lost_by_sitting_out():
    model = still(keras.optimizers.SGD(0.5))
    before = [np.array(keras.ops.convert_to_numpy(v)) for v in model.trainable_variables]
    pruning = ProbabilisticPruning("magnitude", SCHEDULE, growth=0.2)
    watch = Watch(pruning)
    with pytest.warns(UserWarning, match="The schedule prunes up to"):
        fit(model, pruning, watch, epochs=2)
    assert np.any(watch.out)
    for variable, value in zip(model.trainable_variables, before, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(variable), value)


def test_those_that_stay_are_scaled_by_what_they_let_through():
    model = still(keras.optimizers.SGD(0.5))
    before = np.array(keras.ops.convert_to_numpy(model.get_layer("b").kernel))
    schedule = ConstantSparsity(0.3, 2, 8, frequency=2)
    pruning = ProbabilisticPruning("random", schedule, target="channels")
    pressures = {}

    class Shuffle(keras.callbacks.Callback):
        """Another ranking each time, so that some who stay have been under pressure."""

        def on_train_batch_end(self, batch, logs=None):
            pruning.criterion.seed += 1
            pressures[len(pressures)] = pruning.pressure.copy()

    with pytest.warns(UserWarning, match="channels are removed in step 8"):
        fit(model, pruning, Shuffle(), epochs=3)
    producers = {p.name: p.roots for p in pruning.masks.graph.producers}
    alive, pressure = pruning.masks.alive, pressures[7]
    stay = alive[producers["a"]]
    assert np.any(pressure[producers["a"]][stay] > 0)
    through = np.where(stay, 1 - pressure[producers["a"]], 0)[:, None]
    expected = before * through * alive[producers["b"]]
    after = keras.ops.convert_to_numpy(model.get_layer("b").kernel)
    np.testing.assert_allclose(after, expected, rtol=1e-5)


def test_draws_depend_on_the_seed():
    outs = []
    for seed in (0, 0, 1):
        keras.utils.set_random_seed(0)
        pruning = ProbabilisticPruning("magnitude", SCHEDULE, growth=0.5, seed=seed)
        watch = Watch(pruning)
        with pytest.warns(UserWarning, match="The schedule prunes up to"):
            fit(compiled(), pruning, watch, epochs=2)
        outs.append(np.array(watch.out))
    np.testing.assert_array_equal(outs[0], outs[1])
    assert not np.array_equal(outs[0], outs[2])
