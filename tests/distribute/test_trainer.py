import keras
import numpy as np
import pytest

from ccm_tf.distribute import TensorFlowStrategy, Trainer
from ccm_tf.recovery import AdversarialDistiller, LogitsTransfer
from tests.distribute import small

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def strategy(two_replicas):
    # Under this name it trains with `Trainer`, as several workers do.
    return TensorFlowStrategy(two_replicas, name="multi_worker")


@pytest.fixture(scope="module")
def alone():
    return small.trained(
        lambda model, *args, **kw: model.fit(*args, **kw), small.compiled(False, activity=False)
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "replicas,steps_per_execution", [("two_replicas", 1), ("two_replicas", 8), ("four_replicas", 1)]
)
def test_replicas_train_like_one_device(replicas, steps_per_execution, alone, request):
    strategy = TensorFlowStrategy(request.getfixturevalue(replicas), name="multi_worker")
    with strategy.scope():
        model = small.compiled(True, steps_per_execution, activity=False)
    found = small.trained(strategy.fit, model)
    assert len(found[0]) == (20 if steps_per_execution == 1 else 3)
    small.assert_same(alone, found)


@pytest.mark.slow
@pytest.mark.parametrize("replicas", ["two_replicas", "four_replicas"])
def test_keras_fit_on_replicas_does_too(replicas, alone, request):
    strategy = TensorFlowStrategy(request.getfixturevalue(replicas))
    with strategy.scope():
        model = small.compiled(True, activity=False)
    found = small.trained(strategy.fit, model)
    if replicas == "four_replicas":
        # Of 37 samples to evaluate on, Keras's last batch leaves nothing for a fourth replica.
        alone, found = trained_only(alone), trained_only(found)
    small.assert_same(alone, found)


def trained_only(found):
    losses, weights, logs = found
    return losses, weights, {k: v for k, v in logs.items() if not k.startswith("val_")}


def tiny():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.1), loss, metrics=["accuracy"])
    return model


def numbers(samples):
    rng = np.random.default_rng(0)
    return rng.normal(size=(samples, 4)).astype("float32"), rng.integers(0, 3, samples)


def test_evaluation_counts_every_sample(strategy):
    with strategy.scope():
        model = tiny()
    # The last batch holds one sample: one of the replicas gets none.
    x, y = numbers(9)
    found = Trainer(model, strategy).evaluate(x, y, batch_size=4, verbose=0)
    logits = keras.ops.convert_to_numpy(model(x))
    assert found["accuracy"] == pytest.approx(np.mean(logits.argmax(1) == y))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(y, logits)
    assert found["loss"] == pytest.approx(float(loss), rel=1e-5)


def test_data_sets_of_tf_data(strategy):
    import tensorflow as tf

    with strategy.scope():
        model, other = tiny(), tiny()
        other.set_weights(model.get_weights())
    x, y = numbers(12)
    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(4, drop_remainder=True)
    Trainer(model, strategy).fit(data, verbose=0)
    Trainer(other, strategy).fit(x, y, batch_size=4, shuffle=False, verbose=0)
    for one, two in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-6)
    with pytest.raises(ValueError, match="pass `steps_per_epoch`"):
        Trainer(model, strategy).fit(data.repeat(), verbose=0)


def test_callbacks_stop_the_training(strategy):
    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = batch == 1

    with strategy.scope():
        model = tiny()
    history = Trainer(model, strategy).fit(
        *numbers(40), batch_size=4, epochs=3, verbose=0, callbacks=[Stop()]
    )
    assert len(history.history["loss"]) == 1
    assert int(keras.ops.convert_to_numpy(model.optimizer.iterations)) == 2


def test_bad_input(strategy):
    with strategy.scope():
        model, plain = tiny(), keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    with pytest.raises(ValueError, match="2 replicas cannot share a batch of 5 equally"):
        Trainer(model, strategy).fit(*numbers(10), batch_size=5)
    with pytest.raises(ValueError, match="must be arrays, a `keras.utils.PyDataset`"):
        Trainer(model, strategy).fit(iter([numbers(2)]))
    with pytest.raises(ValueError, match="is not compiled"):
        Trainer(plain, strategy)
    with pytest.raises(ValueError, match="made outside the scope of the strategy"):
        Trainer(tiny(), strategy)


def test_models_bring_callbacks_and_evaluate_without_what_is_about_training(strategy):
    class Seen(keras.callbacks.Callback):
        epochs = 0

        def on_epoch_end(self, epoch, logs=None):
            self.epochs += 1

    class Player(AdversarialDistiller):
        seen = (Seen(),)

        def training_callbacks(self):
            return [*super().training_callbacks(), *self.seen]

    with strategy.scope():
        teacher, student = tiny(), tiny()
        player = Player(teacher, student, [LogitsTransfer()])
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        player.compile(keras.optimizers.SGD(0.1), loss, metrics=["accuracy"], jit_compile=False)
    x, y = numbers(8)
    history = (
        Trainer(player, strategy)
        .fit(x, y, batch_size=4, epochs=2, verbose=0, validation_data=(x, y))
        .history
    )
    assert Player.seen[0].epochs == 2
    assert {name for name in history if name.startswith("val_")} == {"val_loss", "val_accuracy"}
    assert {"kd", "d", "g", "d_accuracy"} <= set(history)
