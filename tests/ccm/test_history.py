import keras
import numpy as np
import pytest

from ccm_tf.ccm.history import CCMHistory, CCMProgress, CCMScores, with_ccm_callbacks
from ccm_tf.ccm.loss import CCMLoss
from ccm_tf.ccm.model import Model


def test_scores_are_means_over_steps_and_layers():
    metric = CCMScores(["a", "b"])
    metric.update_state(np.array([0.2, 0.4], "float32"))
    metric.update_state(np.array([0.4, 1.0], "float32"))
    assert metric.per_layer() == pytest.approx({"ccm/a": 0.3, "ccm/b": 0.7})
    assert float(metric.result()) == pytest.approx(0.5)
    metric.reset_state()
    assert metric.per_layer() == {"ccm/a": 0, "ccm/b": 0}


def test_repeated_layers_get_numbers():
    assert CCMScores(["a", "b", "a", "a"]).keys == ["ccm/a", "ccm/b", "ccm/a_1", "ccm/a_2"]


def small():
    inputs = keras.Input((6, 3))
    x = keras.layers.Conv1D(4, 3, name="conv")(inputs)
    model = Model(inputs, keras.layers.Dense(1)(keras.layers.Flatten()(x)))
    model.add_loss(CCMLoss("conv"))
    model.compile("sgd", "mse")
    return model


def fit(model, **options):
    x = np.random.default_rng(0).normal(size=(4, 6, 3)).astype("float32")
    return model.fit(x, np.zeros((4, 1)), **options)


@pytest.mark.parametrize("verbose", [1, 2])
def test_progress_shows_the_mean_only(capsys, verbose):
    history = fit(small(), epochs=2, verbose=verbose).history
    assert len(history["ccm/conv"]) == 2
    shown = capsys.readouterr().out
    assert "ccm: 0." in shown
    assert "ccm/conv" not in shown


def test_silent_when_not_verbose(capsys):
    fit(small(), verbose=0)
    assert capsys.readouterr().out == ""


def test_other_callbacks_see_every_layer():
    seen = {}
    callback = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.update(logs))
    fit(small(), verbose=0, callbacks=callback)
    assert set(seen) == {"loss", "ccm", "ccm/conv"}


def test_positional_arguments_of_fit():
    model = small()
    x = np.random.default_rng(0).normal(size=(4, 6, 3)).astype("float32")
    history = model.fit(x, np.zeros((4, 1)), 2, 3, 0).history
    assert len(history["ccm/conv"]) == 3


def test_the_users_own_callbacks_stay():
    bar, mine = keras.callbacks.ProgbarLogger(), keras.callbacks.TerminateOnNaN()
    both = with_ccm_callbacks([bar, mine], 1)
    assert [type(c) for c in both] == [CCMHistory, keras.callbacks.ProgbarLogger, type(mine)]
    assert [type(c) for c in with_ccm_callbacks(None, "auto")] == [CCMHistory, CCMProgress]
    assert [type(c) for c in with_ccm_callbacks(mine, 0)] == [CCMHistory, type(mine)]
    ready = keras.callbacks.CallbackList([mine])
    assert with_ccm_callbacks(ready, 1) is ready
