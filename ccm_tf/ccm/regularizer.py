"""CCM-loss as a Keras activity regularizer."""

from typing import Any

import keras
from keras import ops

from ccm_tf.ccm import correlation, fused


@keras.saving.register_keras_serializable(package="ccm_tf")
class CCMRegularizer(keras.regularizers.Regularizer):
    """Rewards correlated channels in a layer's output.

    Passed as `activity_regularizer=` it contributes `-weight * S` to the model's loss, whatever
    the batch size, where S is the mean of the absolute channel correlations, diagonal included,
    between `1 / channels` and 1. It makes channels redundant, so that they can be removed.

    A regularizer sees a layer's own output, after its fused activation, also while evaluating,
    and under `tf.distribute` only its replica's images. `ccm_tf.CCMLoss` has none of these limits.

    Keras divides what an activity regularizer returns by the batch size, so called directly on a
    tensor this one returns `-weight * S * batch_size`.

    Args:
        weight: Factor of S. Defaults to `0.01`.
        over: `"mean_map"` (the published loss) or `"samples"`, see
            `ccm_tf.channel_correlation`. Defaults to `"mean_map"`.
        epsilon: Added to each channel's sum of squared deviations. Defaults to `1e-12`.

    Raises:
        ValueError: If `over` is unknown or `epsilon` is negative.

    Example:

    ```python
    layer = keras.layers.ReLU(activity_regularizer=ccm_tf.CCMRegularizer(weight=0.01))
    ```

    Reference:
        Wang et al., "Filter Pruning For CNN With Enhanced Linear Representation Redundancy",
        2023, arXiv 2310.06344.
    """

    def __init__(self, weight: float = 0.01, over: str = "mean_map", epsilon: float = 1e-12):
        correlation.check_over(over)
        correlation.check_epsilon(epsilon)
        self.weight = float(weight)
        self.over = over
        self.epsilon = float(epsilon)

    def __call__(self, x: Any) -> Any:
        correlation.check_features(x, "the regularized output")
        _, statistics = fused.tap(x, self.over)
        (score,) = fused.scores([statistics], [self.epsilon])
        loss = -self.weight * score
        if _divides_by_batch_size():
            loss = loss * ops.cast(ops.shape(x)[0], loss.dtype)
        return loss

    def get_config(self) -> dict[str, Any]:
        return {"weight": self.weight, "over": self.over, "epsilon": self.epsilon}


def _divides_by_batch_size() -> bool:
    """Whether this Keras divides activity regularization by the batch size (since 3.14)."""
    major, minor = keras.__version__.split(".")[:2]
    return (int(major), int(minor)) >= (3, 14)
