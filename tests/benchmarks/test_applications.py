import json

import keras
import numpy as np
import pytest

from benchmarks import applications
from ccm_tf.mask import mask
from ccm_tf.rewrite import rewrite
from tests import zoo


def pair():
    model = zoo.randomise(zoo.chain())
    plan = zoo.random_plan(model)
    return mask(model, plan), rewrite(model, plan), zoo.inputs_for(model)


def small(weights, input_shape, classifier_activation):
    """A constructor that refuses small images."""
    if input_shape[0] < 75:
        raise ValueError("Input size must be at least 75x75")
    inputs = keras.Input(input_shape)
    x = keras.layers.Conv2D(4, 3, strides=30, name="conv")(inputs)
    x = keras.layers.BatchNormalization(name="bn")(x)
    x = keras.layers.GlobalAveragePooling2D(name="gap")(x)
    return keras.Model(inputs, keras.layers.Dense(3, name="logits")(x))


def test_every_constructor_is_found():
    found = applications.constructors()
    assert len(found) >= 38 and {"ResNet50", "NASNetLarge", "VGG16"} <= set(found)


def test_a_row(monkeypatch, capsys):
    monkeypatch.setattr(applications, "constructors", lambda: {"Small": small})
    assert applications.main(["--model=Small"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert row["input"] == [75, 75, 3]
    assert (row["channels"], row["free"]) == (7, 4)
    assert row["kept"] == {"is an output of the model": 3}
    assert row["params"] == [4 * 28 + 16 + 15, 2 * 28 + 8 + 9]
    assert set(row["seconds"]) == {"clone", "trace", "plan", "rewrite"}
    assert row["error"] <= applications.TOLERANCE


def test_what_is_done_is_not_done_again(monkeypatch, tmp_path, capsys):
    path = tmp_path / "rows.jsonl"
    applications.write(path, {"B": {"model": "B"}, "A": {"model": "A"}})
    assert list(applications.done(path)) == ["A", "B"]

    def run(command, **kwargs):
        raise AssertionError(f"ran {command}")

    monkeypatch.setattr(applications.subprocess, "run", run)
    assert applications.run_all(["A", "B"], path, 1) == []
    applications.main([f"--output={path}", "--list", "--only=A", "--only=C"])
    assert capsys.readouterr().out.split() == ["done", "A", "missing", "C"]


def test_a_wrong_slim_model_is_found():
    masked, slim, images = pair()
    applications.check_outputs(masked, slim, images)
    slim.get_layer("hidden").bias.assign(slim.get_layer("hidden").bias + 0.1)
    with pytest.raises(ValueError, match="differ by"):
        applications.check_outputs(masked, slim, images)


def test_constant_outputs_are_found():
    masked, slim, images = pair()
    for weight in masked.weights:
        weight.assign(weight * 0)
    with pytest.raises(ValueError, match="all the same"):
        applications.check_outputs(masked, slim, images)


def test_a_file_that_computes_something_else_is_found():
    _, slim, images = pair()
    outputs = keras.ops.convert_to_numpy(slim(images, training=False))
    applications.check_round_trip(slim, images, outputs)
    with pytest.raises(ValueError, match="something else"):
        applications.check_round_trip(slim, images, outputs * np.float32(1.001))


def test_a_model_that_does_not_train_is_found():
    _, slim, images = pair()
    assert np.isfinite(applications.check_training(slim, images)).all()
    slim.trainable = False
    slim.get_layer("bn1").momentum = slim.get_layer("bn_hidden").momentum = 1.0
    with pytest.raises(ValueError, match="does not train|Training does not work"):
        applications.check_training(slim, images)
