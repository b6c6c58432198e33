"""CCM-loss as a Keras layer."""

from collections.abc import Sequence
from typing import Any

import keras

from ccm_tf import replicas
from ccm_tf.ccm import correlation, fused


@keras.saving.register_keras_serializable(package="ccm_tf")
class CCMLoss(keras.layers.Layer):
    """Rewards correlated channels in a feature map while training.

    It subtracts `weight * S` from the model's loss, where S is the mean of the absolute channel
    correlations, diagonal included, between `1 / channels` and 1. Training then makes channels
    redundant, so that they can be removed afterwards at little cost.

    There are two ways to use it:

    - `model.add_loss(CCMLoss(layer))` on a `ccm_tf.Model` watches the output of one of its layers
      and leaves the layers as they are. A plain model cannot take the loss, and Keras does not
      say so: a functional `keras.Model` answers every `add_loss` with an empty
      `NotImplementedError`, a `keras.Sequential` with a `ValueError` about tensors. Use
      `ccm_tf.Model.from_model(model)`.
    - Called on a tensor, `CCMLoss()(x)`, it is a layer of your model that returns its input
      unchanged. Use one `CCMLoss` per call: on JAX, Keras keeps only the last loss of a layer that
      is called twice.

    It acts in training only, not in `evaluate` or `predict`, and computes in float32 whatever the
    model's dtype policy.

    Args:
        layer: The layer (or other `keras.Operation`, such as the sum `x + y`) whose output is
            watched, or its name. The loss only refers to it. Defaults to `None`: the loss is
            called on a tensor.
        weight: Factor of S, the paper's lambda. Defaults to `0.01`.
        over: `"mean_map"` is the published loss: the correlation over pixels of the map averaged
            over the batch. `"samples"` correlates over all pixels of all images. See
            `ccm_tf.channel_correlation`. Defaults to `"mean_map"`.
        synchronized: Whether to take the batch of all replicas under `tf.distribute`, so that
            several replicas train as one device would. `False` correlates within each replica.
            Defaults to `True`.
        epsilon: Added to each channel's sum of squared deviations. Defaults to `1e-12`.
        **kwargs: Base layer arguments, such as `name`.

    Call arguments:
        inputs: Tensor of shape `(batch, ..., channels)`.
        training: Whether to add the loss.

    Raises:
        ValueError: If `layer` is no layer, `over` is unknown or `epsilon` is negative.

    Example:

    ```python
    model = ccm_tf.Model.from_model(model)
    for layer in ccm_tf.feature_layers(model):
        model.add_loss(ccm_tf.CCMLoss(layer))
    ```

    Reference:
        Wang et al., "Filter Pruning For CNN With Enhanced Linear Representation Redundancy",
        2023, arXiv 2310.06344.
    """

    def __init__(
        self,
        layer: keras.Operation | str | None = None,
        weight: float = 0.01,
        over: str = "mean_map",
        synchronized: bool = True,
        epsilon: float = 1e-12,
        **kwargs: Any,
    ):
        if not isinstance(layer, (keras.Operation, str, type(None))):
            raise ValueError(
                "Argument `layer` must be a Keras layer or operation, its name, or `None` to call "
                f"the loss on a tensor: `CCMLoss()(x)`. Received: layer={layer!r} (of type "
                f"{type(layer).__name__})"
            )
        correlation.check_over(over)
        correlation.check_epsilon(epsilon)
        super().__init__(**kwargs)
        self.layer_name = layer.name if isinstance(layer, keras.Operation) else layer
        # Behind a function, because Keras would track the layer itself as a part of the loss.
        self._layer = lambda: layer if isinstance(layer, keras.Operation) else None
        self.weight = float(weight)
        self.over = over
        self.synchronized = bool(synchronized)
        self.epsilon = float(epsilon)
        self.supports_masking = True
        # The features go through as they are; the loss makes its own float32 copy.
        self.autocast = False

    @property
    def layer(self) -> keras.Operation | None:
        """The watched layer, if it was given as an object."""
        return self._layer()

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        correlation.check_features(inputs, "the input of CCMLoss")
        if not training:
            return inputs
        outputs, statistics = fused.tap(inputs, self.over)
        (score,) = ccm_scores([self], [statistics])
        replicas.add_loss(self, -self.weight * score)
        return outputs

    def compute_output_spec(self, inputs: Any, training: bool | None = None) -> Any:
        correlation.check_features(inputs, "the input of CCMLoss")
        return keras.KerasTensor(inputs.shape, dtype=inputs.dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "layer": self.layer_name,
            "weight": self.weight,
            "over": self.over,
            "synchronized": self.synchronized,
            "epsilon": self.epsilon,
        }


def ccm_scores(losses: Sequence[CCMLoss], statistics: Sequence[Any]) -> list[Any]:
    """S of every tapped feature map, over all replicas where its loss is synchronized.

    Args:
        losses: The loss of each feature map.
        statistics: What `fused.tap` returned for it.
    """
    statistics = list(statistics)
    together = [i for i, loss in enumerate(losses) if loss.synchronized]
    for index, shared in zip(
        together, fused.synchronised([statistics[i] for i in together]), strict=True
    ):
        statistics[index] = shared
    return fused.scores(statistics, [loss.epsilon for loss in losses])
