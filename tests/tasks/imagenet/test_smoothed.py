import keras
import numpy as np

from tasks.imagenet.smoothed import SmoothedCrossentropy


def test_is_keras_smoothing_of_one_hot_labels():
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(6, 5)).astype("float32"), rng.integers(0, 5, 6)
    expected = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.2)(
        np.eye(5)[labels], logits
    )
    loss = SmoothedCrossentropy(0.2)
    np.testing.assert_allclose(float(loss(labels, logits)), float(expected), rtol=1e-6)
    copy = keras.losses.deserialize(keras.losses.serialize(loss))
    assert copy.smoothing == 0.2
