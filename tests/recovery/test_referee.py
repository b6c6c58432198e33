import keras
import numpy as np
import pytest

from ccm_tf.recovery.referee import Referee


@pytest.fixture
def referee():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name="dense")])
    model.stop_training = False
    one = Referee()
    one.set_model(model)
    one.on_train_begin()
    return one


@pytest.mark.parametrize("name, who", [("loss", "student's"), ("d", "discriminator's")])
def test_nan_restores_the_last_good_epoch(referee, name, who):
    kernel = referee.model.get_layer("dense").kernel
    kernel.assign(np.full((2, 1), 3.0))
    referee.on_epoch_end(0, {"d_accuracy": 0.5})
    kernel.assign(np.full((2, 1), np.nan))
    with pytest.warns(UserWarning, match=f"{who} loss is not a number"):
        referee.on_train_batch_end(1, {name: float("nan")})
    assert referee.model.stop_training
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(kernel), np.full((2, 1), 3.0))


def test_an_epoch_that_ends_in_nan_weights_is_not_good(referee):
    kernel = referee.model.get_layer("dense").kernel
    good = keras.ops.convert_to_numpy(kernel).copy()
    kernel.assign(np.full((2, 1), np.nan))
    referee.on_epoch_end(0, {})
    with pytest.warns(UserWarning, match="not a number"):
        referee.on_train_batch_end(0, {"loss": float("inf")})
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(kernel), good)


def test_wins_in_a_row_are_told_once(referee):
    for accuracy in (1.0, 1.0, 0.6, 1.0, 1.0):
        referee.on_epoch_end(0, {"d_accuracy": accuracy})
    with pytest.warns(UserWarning, match="skip_below") as caught:
        for _ in range(5):
            referee.on_epoch_end(0, {"d_accuracy": 0.995})
    assert sum("skip_below" in str(one.message) for one in caught) == 1
