import importlib.util
import json
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import ops

from ccm_tf import schedules

MADE = (
    schedules.ConstantSparsity(0.5, 10, 40, 5),
    schedules.PolynomialDecay(0.2, 0.8, 1000, 2000, power=2, frequency=50),
    schedules.PCAEnergy(0.99, 0.8, 10, 40, power=1, frequency=3),
    schedules.KFERounds(3, 0.3, begin_step=7, frequency=5),
    schedules.EveryNEpochs(3, 5, 10, steps_per_epoch=4, total=100),
)
every = pytest.mark.parametrize("schedule", MADE, ids=lambda s: type(s).__name__)


@every
def test_config_is_flat_and_round_trips(schedule):
    config = json.loads(json.dumps(schedule.get_config()))
    assert not any(isinstance(value, dict) for value in config.values())
    again = type(schedule).from_config(config)
    assert again == schedule and hash(again) == hash(schedule)
    assert vars(again) == vars(schedule) and repr(again) == repr(schedule)
    # The form of tfmot, whose own `from_config(get_config())` fails.
    nested = {"class_name": type(schedule).__name__, "config": config}
    assert type(schedule).from_config(nested) == schedule


@every
def test_keras_serialises_it(schedule):
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(schedule)))
    assert config["registered_name"] == f"ccm_tf>{type(schedule).__name__}"
    assert keras.saving.deserialize_keras_object(config) == schedule


@every
def test_numbers_and_tensors_agree(schedule):
    for step in (0, 7, 10, 11, 12, 13, 17, 24, 40, 41, 1000, 1050, 1051, 2000, 2100):
        due, sparsity = schedule(step)
        assert isinstance(due, bool) and isinstance(sparsity, float)
        for given in (
            np.int64(step),
            ops.convert_to_tensor(step, "int32"),
            keras.Variable(step, dtype="int32", trainable=False),
        ):
            due_there, sparsity_there = schedule(given)
            assert bool(due_there) == due
            np.testing.assert_allclose(float(sparsity_there), sparsity, rtol=1e-6, atol=1e-7)


@every
def test_last_step_is_the_last_that_is_due(schedule):
    steps = [step for step in range(2200) if schedule(step)[0]]
    assert steps[-1] == schedule.last_step
    assert np.all(np.diff([schedule(step)[1] for step in steps]) >= 0)


def test_equality_needs_the_same_kind_and_settings():
    assert schedules.ConstantSparsity(0.5, 0) != schedules.ConstantSparsity(0.4, 0)
    assert schedules.ConstantSparsity(0.5, 0) != 0.5


@pytest.mark.parametrize(
    "kind, first",
    [
        (schedules.ConstantSparsity, (0.5,)),
        (schedules.PolynomialDecay, (0.2, 0.8)),
        (schedules.PCAEnergy, (0.9, 0.8)),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
@pytest.mark.parametrize(
    "steps, message",
    [
        ({"begin_step": 5, "end_step": 5}, "must lie after `begin_step`"),
        ({"begin_step": 5, "end_step": 4}, "must lie after `begin_step`"),
        ({"begin_step": -1, "end_step": 4}, "`begin_step` must be >= 0"),
        ({"begin_step": 0, "end_step": -2}, "`end_step` must be"),
        ({"begin_step": 0, "end_step": 4, "frequency": 0}, "`frequency` must be >= 1"),
    ],
)
def test_steps_are_checked(kind, first, steps, message):
    with pytest.raises(ValueError, match=message):
        kind(*first, **steps)


@pytest.mark.parametrize("share", [-0.1, 1.0, 1.5, True])
def test_shares_are_checked(share):
    with pytest.raises(ValueError, match=r"must be in \[0, 1\)"):
        schedules.ConstantSparsity(share, 0)
    with pytest.raises(ValueError, match=r"`final_sparsity` must be in \[0, 1\)"):
        schedules.PolynomialDecay(0.0, share, 0, 1)


needs_tfmot = pytest.mark.skipif(
    importlib.util.find_spec("tensorflow_model_optimization") is None, reason="needs tfmot"
)

# In a process of its own, since importing tfmot changes `tf.keras` and the environment.
WITH_TFMOT = """
import os
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
from ccm_tf import schedules
before = schedules.PolynomialDecay(0.2, 0.8, 0, 8, frequency=2)
assert "TF_USE_LEGACY_KERAS" not in os.environ
import keras, numpy as np, tensorflow as tf, tf_keras
import tensorflow_model_optimization as tfmot
theirs = tfmot.sparsity.keras
after = schedules.PolynomialDecay(0.2, 0.8, 0, 8, frequency=2)
assert isinstance(after, theirs.PruningSchedule) and isinstance(after, schedules.PolynomialDecay)
assert issubclass(type(after), theirs.PruningSchedule) and before == after == before
assert keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(after)) == after
for kind, arguments in (
    ("PolynomialDecay", (0.2, 0.8, 1000, 2000)),
    ("PolynomialDecay", (0.0, 0.5, 0, 777, 1, 7)),
    ("ConstantSparsity", (0.3, 5)),
    ("ConstantSparsity", (0.3, 5, 400, 13)),
):
    ours, reference = getattr(schedules, kind)(*arguments), getattr(theirs, kind)(*arguments)
    compiled = tf.function(ours)
    for step in list(range(0, 30)) + list(range(0, 2400, 25)) + [777, 1001, 2000, 2100]:
        due, sparsity = reference(step)
        assert ours(step)[0] == bool(due), (kind, step)
        np.testing.assert_allclose(ours(step)[1], float(sparsity), rtol=2e-6, atol=1e-7)
        got = compiled(tf.constant(step, tf.int64))
        assert bool(got[0]) == bool(due)
        np.testing.assert_allclose(float(got[1]), float(sparsity), rtol=2e-6, atol=1e-7)

x = np.random.default_rng(0).normal(size=(64, 6)).astype("float32")
for schedule in (
    before,
    after,
    schedules.ConstantSparsity(0.5, 0, frequency=1),
    schedules.PCAEnergy(0.9, 0.5, 0, 8, frequency=1),
    schedules.KFERounds(2, 0.3, frequency=2),
    schedules.EveryNEpochs(2, 8, 4, steps_per_epoch=2, total=32),
):
    model = tf_keras.Sequential([tf_keras.layers.Dense(10, input_shape=(6,)),
                                 tf_keras.layers.Dense(2)])
    pruned = theirs.prune_low_magnitude(model, pruning_schedule=schedule)
    pruned.compile("sgd", "mse")
    pruned.fit(x, np.zeros((64, 2)), batch_size=8, epochs=2, verbose=0,
               callbacks=[theirs.UpdatePruningStep()])
    kernel = theirs.strip_pruning(pruned).layers[0].get_weights()[0]
    print(type(schedule).__name__, round(float(np.mean(kernel == 0)), 3))
"""


@needs_tfmot
@pytest.mark.slow
@pytest.mark.tensorflow
def test_with_the_real_tfmot():
    done = subprocess.run([sys.executable, "-c", WITH_TFMOT], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    sparsities = dict(line.split() for line in done.stdout.splitlines()[1:])
    assert sparsities == {
        "PolynomialDecay": "0.8",
        "ConstantSparsity": "0.5",
        "PCAEnergy": "0.5",
        "KFERounds": "0.517",
        "EveryNEpochs": "0.5",
    }
