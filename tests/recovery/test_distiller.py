import contextlib

import keras
import numpy as np
import pytest

import ccm_tf
from ccm_tf.recovery import AttentionTransfer, Distiller, LogitsTransfer

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def values(variables):
    return [keras.ops.convert_to_numpy(v).copy() for v in variables]


def same(before, after):
    return all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    return rng.random((12, 8, 8, 3)).astype("float32"), rng.integers(0, 3, 12)


def fitted(distiller, data, **options):
    distiller.compile(keras.optimizers.SGD(0.05), LOSS, metrics=["accuracy"])
    return distiller.fit(*data, batch_size=4, shuffle=False, verbose=0, **options).history


def test_the_student_moves_and_the_teacher_stays(teacher, student, data):
    before = values(teacher.variables), values(student.trainable_variables)
    history = fitted(Distiller(teacher, student, [LogitsTransfer(), AttentionTransfer()]), data)
    assert set(history) == {"loss", "accuracy", "kd", "at"}
    assert same(before[0], values(teacher.variables))
    assert not any(
        np.array_equal(a, b)
        for a, b in zip(before[1], values(student.trainable_variables), strict=True)
        if a.ndim > 1
    )
    # Neither is the teacher frozen for whoever uses it next.
    assert teacher.trainable and all(layer.trainable for layer in teacher.layers)


def test_without_transfers_it_is_plain_training(teacher, student, data):
    twin = keras.models.clone_model(student)
    twin.set_weights(student.get_weights())
    off = [LogitsTransfer(0.0), AttentionTransfer(0.0)]
    for model in (student, twin):
        model.get_layer("stem").kernel_regularizer = keras.regularizers.L2(0.01)
        model.get_layer("stem").kernel.regularizer = keras.regularizers.L2(0.01)
    distilled = fitted(Distiller(teacher, student, off, student_loss_weight=1.0), data, epochs=2)
    twin.compile(keras.optimizers.SGD(0.05), LOSS, metrics=["accuracy"])
    plain = twin.fit(*data, batch_size=4, shuffle=False, epochs=2, verbose=0).history
    np.testing.assert_allclose(distilled["loss"], plain["loss"], rtol=1e-6)
    for a, b in zip(values(student.weights), values(twin.weights), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_loss_is_the_weighted_sum(teacher, student, data):
    x, y = data
    for layer in student.layers:
        # The loss before the first step is then that of the logs.
        layer.trainable = False
    student.get_layer("logits").trainable = True
    distiller = Distiller(
        teacher, student, [LogitsTransfer(0.3, 20.0), AttentionTransfer(5.0)], 0.7
    )
    distiller.compile(keras.optimizers.SGD(0.0), LOSS)
    logs = distiller.fit(x, y, batch_size=12, verbose=0).history
    outputs = student(x, training=False)
    expected = 0.7 * float(LOSS(y, outputs)) + 0.3 * logs["kd"][0] + 5.0 * logs["at"][0]
    assert logs["loss"][0] == pytest.approx(expected, rel=1e-4)
    kd = float(ccm_tf.recovery.logits_distillation(teacher(x), outputs, 20.0))
    assert logs["kd"][0] == pytest.approx(kd, rel=1e-4)


def test_a_copy_of_the_teacher_has_nothing_to_learn(teacher, data):
    twin = keras.models.clone_model(teacher)
    twin.set_weights(teacher.get_weights())
    for layer in twin.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
    before = values(twin.trainable_variables)
    distiller = Distiller(teacher, twin, [LogitsTransfer(1.0), AttentionTransfer(1.0)], 0.0)
    logs = fitted(distiller, data)
    assert logs["kd"][0] == pytest.approx(0, abs=1e-6)
    assert logs["at"][0] == pytest.approx(0, abs=1e-9)
    for a, b in zip(before, values(twin.trainable_variables), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)


def test_no_labels_are_needed(teacher, student, data):
    before = values(student.trainable_variables)
    distiller = Distiller(teacher, student)
    distiller.compile("sgd")
    logs = distiller.fit(data[0], batch_size=4, verbose=0).history
    assert set(logs) == {"loss", "kd"}
    assert not same(before, values(student.trainable_variables))


def test_evaluating_and_predicting_are_the_students(teacher, student, data):
    distiller = Distiller(teacher, student, [LogitsTransfer(), AttentionTransfer()])
    history = fitted(distiller, data, validation_data=data)
    assert {"val_loss", "val_accuracy"} <= set(history) and "val_kd" not in history
    student.compile(loss=LOSS, metrics=["accuracy"])
    expected = student.evaluate(*data, verbose=0, return_dict=True)
    found = distiller.evaluate(*data, verbose=0, return_dict=True)
    assert found == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(
        distiller.predict(data[0], verbose=0), student.predict(data[0], verbose=0), rtol=1e-5
    )


def test_saves_loads_and_goes_on(teacher, student, data, tmp_path):
    distiller = Distiller(teacher, student, [LogitsTransfer(), AttentionTransfer()])
    fitted(distiller, data)
    distiller.save(tmp_path / "distiller.keras")
    restored = keras.models.load_model(tmp_path / "distiller.keras")
    np.testing.assert_array_equal(
        restored.predict(data[0], verbose=0), distiller.predict(data[0], verbose=0)
    )
    more = [d.fit(*data, shuffle=False, verbose=0).history["loss"] for d in (distiller, restored)]
    np.testing.assert_allclose(more[0], more[1], rtol=1e-5)


def two_heads():
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(6, 3, padding="same", activation="relu", name="conv")(inputs)
    maps = keras.layers.Conv2D(2, 1, name="mask")(x)
    pooled = keras.layers.GlobalAveragePooling2D()(x)
    kind = keras.layers.Dense(3, activation="softmax", name="kind")(pooled)
    return keras.Model(inputs, {"mask": maps, "kind": kind})


def test_several_outputs(data):
    teacher = two_heads()
    slim = ccm_tf.rewrite(teacher, ccm_tf.plan(teacher, "magnitude", channels=0.8))
    distiller = Distiller(teacher, slim, [LogitsTransfer(), AttentionTransfer()])
    loss = {"mask": LOSS, "kind": "sparse_categorical_crossentropy"}
    distiller.compile("sgd", loss)
    masks = np.zeros((12, 8, 8), "int32")
    logs = distiller.fit(data[0], {"mask": masks, "kind": data[1]}, verbose=0).history
    assert np.isfinite(logs["loss"][0]) and logs["kd"][0] > 0


def test_mixed_precision(teacher, student, data):
    keras.config.set_dtype_policy("mixed_bfloat16")
    copies = [keras.models.clone_model(model) for model in (teacher, student)]
    logs = fitted(Distiller(*copies, [LogitsTransfer(), AttentionTransfer()]), data)
    assert np.isfinite(logs["loss"][0])


def small():
    """Without batch normalisation, whose statistics are each replica's own."""
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(6, 3, activation="relu")(inputs)
    x = keras.layers.Conv2D(6, 3, activation="relu")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(3)(x))


@pytest.mark.tensorflow
def test_two_replicas_are_one_device(two_replicas, data):
    results = []
    for scope in (None, two_replicas):
        keras.utils.set_random_seed(0)
        with scope.scope() if scope else contextlib.nullcontext():
            teacher = small()
            student = ccm_tf.rewrite(teacher, ccm_tf.plan(teacher, "magnitude", macs=0.6))
            distiller = Distiller(teacher, student, [LogitsTransfer(), AttentionTransfer()])
            distiller.compile(keras.optimizers.SGD(0.05), LOSS)
        logs = distiller.fit(data[0], data[1] % 3, batch_size=12, shuffle=False, verbose=0).history
        results.append((logs, values(student.weights)))
    (one, a), (two, b) = results
    assert one["kd"] == pytest.approx(two["kd"], rel=1e-3)
    for x, y in zip(a, b, strict=True):
        np.testing.assert_allclose(x, y, atol=1e-5)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"transfers": ["kd"]}, "list of"),
        ({"transfers": [LogitsTransfer(), LogitsTransfer()]}, "once"),
        ({"student_loss_weight": -1}, "student_loss_weight"),
    ],
)
def test_bad_arguments_are_told(teacher, student, options, message):
    with pytest.raises(ValueError, match=message):
        Distiller(teacher, student, **options)
