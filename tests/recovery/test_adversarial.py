import contextlib
import warnings

import keras
import numpy as np
import pytest

import ccm_tf
from ccm_tf.recovery import AdversarialDistiller, Adversary, AttentionTransfer, LogitsTransfer

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
SMALL = {"units": (8,)}


def values(variables):
    return [keras.ops.convert_to_numpy(v).copy() for v in variables]


def moved(before, variables):
    pairs = zip(before, values(variables), strict=True)
    return [not np.array_equal(a, b) for a, b in pairs]


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    return rng.random((12, 8, 8, 3)).astype("float32"), rng.integers(0, 3, 12)


def made(teacher, student, adversary=SMALL, optimizer=0.05, own=0.05, **options):
    distiller = AdversarialDistiller(teacher, student, adversary=adversary, **options)
    distiller.compile(
        keras.optimizers.SGD(optimizer, momentum=0.9),
        LOSS,
        metrics=["accuracy"],
        discriminator_optimizer=keras.optimizers.SGD(own, momentum=0.9),
    )
    return distiller


def fit(distiller, data, **options):
    return distiller.fit(*data, batch_size=4, shuffle=False, verbose=0, **options).history


def test_who_moves(teacher, student, data):
    before = [values(m.variables) for m in (teacher, student)]
    distiller = made(teacher, student)
    discriminator = values(distiller.discriminator.variables)
    history = fit(distiller, data)
    assert set(history) == {"loss", "accuracy", "kd", "at", "d", "g", "d_accuracy"}
    assert not any(moved(before[0], teacher.variables))
    assert any(moved(before[1], student.variables))
    assert all(moved(discriminator, distiller.discriminator.variables))
    assert int(distiller.discriminator_optimizer.iterations) == 3


def test_a_step_of_the_discriminator_leaves_the_student(teacher, student, data):
    weights = values(student.trainable_variables)
    distiller = made(teacher, student, optimizer=0.0)
    discriminator = values(distiller.discriminator.variables)
    fit(distiller, data)
    assert not any(moved(weights, student.trainable_variables))
    assert all(moved(discriminator, distiller.discriminator.variables))


def test_a_step_of_the_student_leaves_the_discriminator(teacher, student, data):
    weights = values(student.trainable_variables)
    only_game = [LogitsTransfer(0.0)]
    distiller = made(teacher, student, own=0.0, transfers=only_game, student_loss_weight=0.0)
    discriminator = values(distiller.discriminator.variables)
    fit(distiller, data)
    assert not any(moved(discriminator, distiller.discriminator.variables))
    # The game alone moves the student, through the discriminator.
    assert any(moved(weights, student.trainable_variables))


def test_the_discriminator_moves_first(teacher, student, data):
    """The student's term is that of the discriminator after its step."""
    x, y = data[0][:4], data[1][:4]
    for layer in student.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
    distiller = made(teacher, student, optimizer=0.0, own=0.5, transfers=[LogitsTransfer()])
    logs = fit(distiller, (x, y))
    after = keras.ops.convert_to_numpy(distiller.discriminator(student(x, training=False)))
    assert logs["g"][0] == pytest.approx(np.mean(np.log1p(np.exp(-after))), rel=1e-4)


def test_without_weights_it_is_plain_training(teacher, student, data):
    twin = keras.models.clone_model(student)
    twin.set_weights(student.get_weights())
    off = [LogitsTransfer(0.0), AttentionTransfer(0.0)]
    distiller = made(
        teacher, student, Adversary(weight=0.0, units=(8,)), transfers=off, student_loss_weight=1.0
    )
    logs = fit(distiller, data, epochs=2)
    twin.compile(keras.optimizers.SGD(0.05, momentum=0.9), LOSS)
    plain = fit(twin, data, epochs=2)
    np.testing.assert_allclose(logs["loss"], plain["loss"], rtol=1e-6)
    for a, b in zip(values(student.weights), values(twin.weights), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_a_resting_discriminator_keeps_everything(teacher, student, data):
    distiller = made(teacher, student, Adversary(units=(8,), skip_below=100.0))
    before = values(distiller.discriminator.variables)
    logs = fit(distiller, data)
    assert not any(moved(before, distiller.discriminator.variables))
    assert int(distiller.discriminator_optimizer.iterations) == 0
    assert logs["d"][0] > 0


def test_a_discriminator_plays_on(teacher, student, data):
    first = made(teacher, student)
    fit(first, data)
    second = made(teacher, student, discriminator=first.discriminator)
    assert second.discriminator is first.discriminator
    assert int(second.discriminator_optimizer.iterations) == 0


def test_saves_loads_and_goes_on(teacher, student, data, tmp_path):
    distiller = made(teacher, student)
    fit(distiller, data)
    distiller.save(tmp_path / "game.keras")
    restored = keras.models.load_model(tmp_path / "game.keras")
    assert int(restored.discriminator_optimizer.iterations) == 3
    more = [fit(one, data) for one in (distiller, restored)]
    for name in ("loss", "d", "g"):
        np.testing.assert_allclose(more[0][name], more[1][name], rtol=1e-5)
    keras.models.load_model(tmp_path / "game.keras", compile=False)


def test_nan_in_the_students_game_stops_with_the_last_good_weights(teacher, student, data):
    distiller = made(teacher, student)
    weights = values(distiller.variables)
    # The third batch of three.
    weight = np.where(np.arange(12) < 8, 1.0, np.nan).astype("float32")
    with pytest.warns(UserWarning, match="student's loss is not a number"):
        history = fit(distiller, data, epochs=5, sample_weight=weight)
    assert len(history["loss"]) == 1
    assert not any(moved(weights, distiller.variables))


def test_a_winning_discriminator_is_told_once(teacher, student, data):
    distiller = made(teacher, student, optimizer=0.0, own=0.5)
    student.get_layer("logits").bias.assign([30.0, -30.0, 0.0])
    with pytest.warns(UserWarning, match="right in 100.0 %") as caught:
        fit(distiller, data, epochs=12)
    assert sum("right in" in str(one.message) for one in caught) == 1


def test_an_even_game_is_silent(teacher, student, data):
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*discriminator.*")
        fit(made(teacher, student, own=0.0), data, epochs=3)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"adversary": {"output": 1}}, r"1 output\(s\)"),
        ({"discriminator": "wide"}, r"logits of shape \(3,\)"),
    ],
)
def test_bad_arguments_are_told(teacher, student, options, message):
    if "discriminator" in options:
        options = {"discriminator": keras.Sequential([keras.Input((7,)), keras.layers.Dense(1)])}
    with pytest.raises(ValueError, match=message):
        AdversarialDistiller(teacher, student, **options)


@pytest.mark.tensorflow
def test_two_replicas_play(two_replicas, data):
    with two_replicas.scope():
        inputs = keras.Input((8, 8, 3))
        x = keras.layers.Conv2D(6, 3, activation="relu")(inputs)
        x = keras.layers.GlobalAveragePooling2D()(x)
        teacher = keras.Model(inputs, keras.layers.Dense(3)(x))
        student = ccm_tf.rewrite(teacher, ccm_tf.plan(teacher, "magnitude", channels=0.8))
        distiller = made(teacher, student, transfers=[LogitsTransfer(), AttentionTransfer()])
    logs = fit(distiller, data)
    assert np.isfinite(logs["loss"][0]) and np.isfinite(logs["d"][0])
    for variable in distiller.discriminator.variables:
        copies = two_replicas.experimental_local_results(variable.value)
        np.testing.assert_array_equal(np.asarray(copies[0]), np.asarray(copies[1]))


@pytest.mark.slow
@pytest.mark.tensorflow
@pytest.mark.parametrize("skip_below", [0.0, 1.4])
def test_two_replicas_are_one_device(skip_below, two_replicas, data):
    results = []
    for scope in (contextlib.nullcontext(), two_replicas.scope()):
        keras.utils.set_random_seed(0)
        with scope:
            inputs = keras.Input((8, 8, 3))
            x = keras.layers.Conv2D(6, 3, activation="relu")(inputs)
            x = keras.layers.GlobalAveragePooling2D()(x)
            teacher = keras.Model(inputs, keras.layers.Dense(3)(x))
            student = ccm_tf.rewrite(teacher, ccm_tf.plan(teacher, "magnitude", channels=0.8))
            distiller = made(teacher, student, {**SMALL, "skip_below": skip_below})
        logs = fit(distiller, data, epochs=2)
        results.append((logs, distiller.get_weights()))
    (one, a), (two, b) = results
    assert one["d"] == pytest.approx(two["d"], rel=1e-5)
    for x, y in zip(a, b, strict=True):
        np.testing.assert_allclose(x, y, atol=1e-5)
