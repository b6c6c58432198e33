import keras
import numpy as np
import pytest

from ccm_tf import replicas


def test_alone_nothing_is_reduced():
    assert replicas.count() == 1
    values = [np.ones(2, "float32"), (np.zeros((), "float32"),)]
    found = replicas.all_reduce_sum(values)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(found[0]), values[0])
    assert replicas.all_reduce_sum([]) == []


def test_alone_a_loss_is_added_as_it_is():
    class Constant(keras.layers.Layer):
        def call(self, x):
            replicas.add_loss(self, keras.ops.sum(x))
            return x

    layer = Constant()
    layer(np.full((2, 3), 0.5, "float32"))
    assert [float(loss) for loss in layer.losses] == [3.0]


def test_scope_of_a_model_without_strategy():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    with replicas.scope_of(model):
        assert keras.layers.Dense(1)(np.ones((1, 2), "float32")).shape == (1, 1)
    assert replicas.count() == 1


@pytest.mark.tensorflow
def test_sum_over_replicas(two_replicas):
    import tensorflow as tf

    def step():
        own = tf.cast(tf.distribute.get_replica_context().replica_id_in_sync_group, "float32")
        total = replicas.all_reduce_sum([own, (own + 1, tf.ones(3))])
        return replicas.count(), total

    counts, totals = two_replicas.run(tf.function(step, autograph=False))
    for count in two_replicas.experimental_local_results(counts):
        assert int(count) == 2
    sums = [
        two_replicas.experimental_local_results(t)[1].numpy() for t in keras.tree.flatten(totals)
    ]
    assert sums[0] == 1
    assert sums[1] == 3
    np.testing.assert_array_equal(sums[2], [2, 2, 2])


@pytest.mark.tensorflow
def test_count_in_cross_replica_code(two_replicas):
    with two_replicas.scope():
        assert replicas.count() == 1


@pytest.mark.tensorflow
def test_scope_of_a_model_of_a_strategy(two_replicas):
    import tensorflow as tf

    with two_replicas.scope():
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    with replicas.scope_of(model):
        assert tf.distribute.get_strategy() is two_replicas


@pytest.mark.tensorflow
def test_each_replica_finds_the_mean_of_the_losses(two_replicas):
    import tensorflow as tf

    class Constant(keras.layers.Layer):
        def call(self, x):
            # Makes the replica threads wait, so that all of them have added before any reads.
            replicas.all_reduce_sum(x)
            replicas.add_loss(self, tf.reduce_sum(x * x))
            return x

    with two_replicas.scope():
        layer = Constant()

    @tf.function(autograph=False)
    def step(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            layer(x)
            loss = sum(layer.losses)
        return loss, tape.gradient(loss, x)

    x = two_replicas.experimental_distribute_values_from_function(
        lambda context: tf.constant([1.0 + 2 * context.replica_id_in_sync_group])
    )
    losses, gradients = two_replicas.run(step, args=(x,))
    losses = [float(v) for v in two_replicas.experimental_local_results(losses)]
    gradients = [v.numpy().tolist() for v in two_replicas.experimental_local_results(gradients)]
    assert losses == [5.0, 5.0]
    assert gradients == [[2.0], [6.0]]


@pytest.mark.jax
def test_alone_within_a_scope_of_several_devices():
    native = keras.distribution.DataParallel(devices=keras.distribution.list_devices())
    with native.scope():
        with replicas.alone():
            assert keras.distribution.distribution() is None
        assert keras.distribution.distribution() is native
    with replicas.alone():
        assert keras.distribution.distribution() is None
