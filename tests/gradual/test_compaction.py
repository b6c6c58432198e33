import keras
import numpy as np
import pytest

import ccm_tf
from ccm_tf.gradual import compaction
from tests import zoo


@pytest.mark.parametrize("make", [zoo.residual, zoo.sequential], ids=lambda m: m.__name__)
def test_a_model_becomes_the_slim_one_in_place(make, tmp_path):
    model = zoo.randomise(make())
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    x, y = zoo.inputs_for(model, batch=4), zoo.labels_for(model, batch=4)
    model.fit(x, y, verbose=0)
    masked = ccm_tf.mask(model, zoo.random_plan(model))
    model.set_weights(masked.get_weights())
    plan = ccm_tf.masked_plan(model)
    slim = ccm_tf.rewrite(model, plan)
    steps = int(model.optimizer.iterations)
    loss = model.loss
    compaction.compact(model, plan)
    assert model.count_params() == slim.count_params()
    assert model.loss is loss and int(model.optimizer.iterations) == steps == 1
    for ours, theirs in zip(zoo.outputs(model, x), zoo.outputs(slim, x), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    model.fit(x, y, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    for ours, theirs in zip(zoo.outputs(again, x), zoo.outputs(model, x), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    assert len(again.optimizer.variables) == len(model.optimizer.variables)


def test_canary_what_compiling_sets():
    """The attributes that a compaction must leave alone are still found by compiling."""
    names = compaction._set_by_compile()
    assert {"optimizer", "loss", "compiled", "steps_per_execution"} <= names
    assert not {"name", "built", "output_names"} & names
