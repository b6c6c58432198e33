import keras
import numpy as np
import pytest

from ccm_tf.callbacks import GrowingRegularization
from ccm_tf.schedules import ConstantSparsity
from tests.callbacks.examples import compiled, fit, still

SCHEDULE = ConstantSparsity(0.5, 2, 18, frequency=2)


def kernels(model):
    return {v.path: np.array(keras.ops.convert_to_numpy(v)) for v in model.trainable_variables}


def on_the_way(model, pruning):
    """For every weight, how often it belongs to a channel that is under pressure."""
    found = {}
    going = pruning.arrays_at_the_end
    for variable in model.trainable_variables:
        times = np.zeros(tuple(variable.shape))
        for axis, roots in variable.constraint.axes:
            shape = [1] * times.ndim
            shape[axis] = -1
            times = times + going[roots].reshape(shape)
        found[variable.path] = times
    return found


class Keeping(GrowingRegularization):
    """Remembers who was on the way when the fit ended."""

    def on_train_end(self, logs=None):
        self.arrays_at_the_end = self.pressure > 0
        super().on_train_end(logs)


@pytest.mark.parametrize("ceiling", [1.0, 40.0])
def test_what_is_to_go_shrinks_by_the_formula_and_nothing_else_moves(ceiling):
    model = still(keras.optimizers.SGD(0.5, momentum=0.9))
    before = kernels(model)
    pruning = Keeping("magnitude", SCHEDULE, growth=0.1, ceiling=ceiling)
    # Eight steps: penalised from step 2 on, more from 4 and 6 on.
    with pytest.warns(UserWarning, match="The schedule prunes up to step 18"):
        fit(model, pruning, epochs=2)
    shrink = np.prod([1 / (1 + 0.5 * ceiling * p) ** 2 for p in (0.1, 0.2, 0.3)])
    after = kernels(model)
    seen = set()
    for path, times in on_the_way(model, pruning).items():
        seen |= set(times.ravel())
        np.testing.assert_allclose(after[path], before[path] * shrink**times, rtol=1e-4)
        np.testing.assert_array_equal(after[path][times == 0], before[path][times == 0])
    assert {0, 1} <= seen
    # The pressure was on this fit only.
    fit(model, epochs=1)
    for path, value in kernels(model).items():
        np.testing.assert_array_equal(value, after[path])


def test_the_learning_rate_of_the_moment_counts():
    rate = keras.optimizers.schedules.PiecewiseConstantDecay([3], [0.5, 0.0])
    model = still(keras.optimizers.SGD(rate))
    before = kernels(model)
    pruning = Keeping("magnitude", SCHEDULE, growth=0.1)
    with pytest.warns(UserWarning, match="The schedule prunes up to"):
        fit(model, pruning, epochs=2)
    # Steps 2 and 3 at 0.5, none at 0 after them.
    for path, times in on_the_way(model, pruning).items():
        expected = before[path] * (1 / 1.05**2) ** times
        np.testing.assert_allclose(kernels(model)[path], expected, rtol=1e-4)


def test_channels_have_faded_when_they_are_masked():
    sizes = {}

    class Watch(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if keras.backend.backend() == "jax":
                self.model.jax_state_sync()
            kernel = keras.ops.convert_to_numpy(self.model.get_layer("b").kernel)
            sizes[len(sizes)] = np.sqrt(np.sum(kernel**2, axis=(0, 1, 2)))

    model = compiled(keras.optimizers.SGD(0.1, momentum=0.9))
    pruning = GrowingRegularization("magnitude", SCHEDULE, growth=0.125, ceiling=20.0, keep=["a"])
    fit(model, Watch(), pruning, epochs=5)
    gone = sizes[19] == 0
    assert 0 < gone.sum() < len(gone)
    # Masked in step 16; until then they never grow, and little is left of them.
    path = np.array([sizes[step][gone] for step in range(3, 17)])
    assert np.all(path[-1] < 0.02 * path[0]) and np.all(path[-1] > 0)
    assert np.all(sizes[16][~gone] > 0.5 * sizes[3][~gone])


@pytest.mark.parametrize(
    "options, message",
    [
        ({"rule": "all"}, "`rule` must be one of"),
        ({"rule": "ranks", "pick_after": 1}, "Only with `rule='chosen'`"),
        ({"ceiling": 0}, "`ceiling` must be positive"),
        ({"growth": 2}, "`growth` must be in"),
    ],
)
def test_arguments_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        GrowingRegularization("magnitude", SCHEDULE, **options)
