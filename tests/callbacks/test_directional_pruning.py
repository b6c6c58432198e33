import keras
import numpy as np
import pytest

from ccm_tf.callbacks import DirectionalPruning
from ccm_tf.gradual.threshold import channel_sizes, threshold
from ccm_tf.graph import ChannelGraph
from ccm_tf.schedules import ConstantSparsity
from tests.callbacks.examples import compiled, fit, still

SCHEDULE = ConstantSparsity(0.5, 0, 100, frequency=2)


def arguments(strength):
    return {"strength": strength, "power": 0.6}


def short(model, pruning):
    with pytest.warns(UserWarning, match="The schedule prunes up to"):
        fit(model, pruning, epochs=2)


def test_without_gradients_channels_shrink_by_the_threshold():
    model = still(keras.optimizers.SGD(0.1))
    graph = ChannelGraph(model)
    roots = next(p.roots for p in graph.producers if p.name == "b")
    bias, gamma = model.get_layer("bn").beta, model.get_layer("bn").gamma
    before = np.array(keras.ops.convert_to_numpy(gamma))
    # The pull of every pruning, computed beside: sizes shrink as weights do.
    factors, sizes = np.ones(len(roots)), []

    class Watch(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if keras.backend.backend() == "jax":
                self.model.jax_state_sync()
            sizes.append(channel_sizes(ChannelGraph(self.model))[roots])

    pruning = DirectionalPruning("magnitude", SCHEDULE, **arguments(0.05))
    with pytest.warns(UserWarning, match="The schedule prunes up to"):
        fit(model, Watch(), pruning, epochs=2)
    reached = 0.0
    for step in (2, 4, 6):
        before_it, reached = reached, threshold(step, 0.1, 0.05, 0.6)
        factors *= 1 - (reached - before_it) / sizes[step]
    after = keras.ops.convert_to_numpy(gamma)
    np.testing.assert_allclose(after, before * factors, rtol=1e-5)
    assert not keras.ops.convert_to_numpy(bias).any() and np.all(factors < 1)
    assert pruning.taken == 0


def test_small_channels_give_in_first_and_no_more_than_the_schedule_allows():
    model = compiled(keras.optimizers.SGD(0.01))
    kernel, gamma = model.get_layer("b").kernel, model.get_layer("bn").gamma
    reader = model.get_layer("c").kernel
    kernel.assign(keras.ops.convert_to_numpy(kernel) * [1e-3, 1, 1, 1, 1])
    gamma.assign([1e-3, 1, 1, 1, 1])
    reader.assign(keras.ops.convert_to_numpy(reader) * np.array([1e-3, 1, 1, 1, 1])[:, None])
    pruning = DirectionalPruning("magnitude", SCHEDULE, **arguments(0.5))
    short(model, pruning)
    assert list(pruning.plan().kept["b"]) == [1, 2, 3, 4] and pruning.taken == 1
    # A pull that all would give in to takes what the schedule asks for and no more.
    keras.utils.set_random_seed(0)
    model = compiled(keras.optimizers.SGD(0.01))
    pruning = DirectionalPruning("magnitude", SCHEDULE, **arguments(1e6))
    short(model, pruning)
    left = pruning.history[-1]["kept_macs"]
    assert 0.3 < left <= 0.5 and pruning.taken > 1


def test_what_has_to_stay_is_not_pulled():
    model = still(keras.optimizers.SGD(0.1))
    before = np.array(keras.ops.convert_to_numpy(model.get_layer("bn").gamma))
    short(model, DirectionalPruning("magnitude", SCHEDULE, keep=["b"], **arguments(0.05)))
    after = keras.ops.convert_to_numpy(model.get_layer("bn").gamma)
    np.testing.assert_array_equal(after, before)


@pytest.mark.parametrize(
    "options, message",
    [({"strength": 0}, "`strength` must be positive"), ({"power": 0.5}, "`power` must be in")],
)
def test_arguments_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        DirectionalPruning("magnitude", SCHEDULE, **options)
