"""Cross-entropy with smoothed labels, for integer labels."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="ccm_tf_tasks")
class SmoothedCrossentropy(keras.losses.Loss):
    """Cross-entropy of logits with the label mixed with the uniform distribution.

    Keras smooths one-hot labels only; a thousand numbers per image would be one too many 999 times.

    Args:
        smoothing: Share of the uniform distribution, in [0, 1). Defaults to 0.1.
        **kwargs: Arguments of `keras.losses.Loss`.
    """

    def __init__(self, smoothing: float = 0.1, name: str = "smoothed_crossentropy", **kwargs):
        super().__init__(name=name, **kwargs)
        self.smoothing = smoothing

    def call(self, y_true, y_pred):
        logs = ops.log_softmax(ops.cast(y_pred, "float32"))
        y_true = ops.cast(ops.reshape(y_true, (-1, 1)), "int32")
        right = ops.take_along_axis(logs, y_true, axis=-1)[:, 0]
        return -(1 - self.smoothing) * right - self.smoothing * ops.mean(logs, axis=-1)

    def get_config(self):
        return {**super().get_config(), "smoothing": self.smoothing}
