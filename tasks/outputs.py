"""What the numbers mean that a classifier returns."""

import dataclasses

import keras
import numpy as np

from ccm_tf.graph.trace import Trace
from ccm_tf.statistics.objective import last_activation

_SMALLEST = 1e-7


@dataclasses.dataclass(frozen=True)
class Outputs:
    """Logits or probabilities, of one class per unit or of two with a single unit.

    Attributes:
        shape: Shape of the output without the batch axis: (units,), or with positions in front for
            a segmentation.
        activation: "softmax", "sigmoid" or `None` for logits.
    """

    shape: tuple[int | None, ...]
    activation: str | None

    @classmethod
    def of(cls, model: keras.Model) -> "Outputs":
        """What a model with one output returns.

        Raises:
            ValueError: If the model has several outputs.
        """
        trace = Trace(model)
        if len(trace.flat_outputs) != 1:
            raise ValueError(
                f"Model '{model.name}' has {len(trace.flat_outputs)} outputs; expected one that "
                "tells classes apart."
            )
        (tensor,) = trace.flat_outputs
        return cls(tuple(tensor.shape[1:]), last_activation(trace, tensor))

    @property
    def classes(self) -> int:
        """Number of classes that are told apart."""
        return 2 if self.shape[-1] == 1 else int(self.shape[-1] or 0)

    @property
    def positions(self) -> bool:
        """Whether there is a class for every pixel."""
        return len(self.shape) > 1

    @property
    def independent(self) -> bool:
        """Whether several classes may be right at once: a sigmoid for each."""
        return self.activation == "sigmoid" and self.shape[-1] != 1

    def decided(self, values: np.ndarray) -> np.ndarray:
        """Number of the class that each row of outputs stands for."""
        if self.shape[-1] == 1:
            return (values[..., 0] > (0.5 if self.activation == "sigmoid" else 0)).astype("int64")
        return np.argmax(values, axis=-1)

    def log_loss(self, values: np.ndarray, labels: np.ndarray) -> float:
        """Mean of -log of the probability that outputs give to the right classes."""
        values = np.asarray(values, np.float64)
        if self.activation is None and self.shape[-1] == 1:
            values = 1 / (1 + np.exp(-np.clip(values, -50, 50)))
        elif self.activation is None:
            values = values - values.max(axis=-1, keepdims=True)
            values = np.exp(values) / np.exp(values).sum(axis=-1, keepdims=True)
        if self.shape[-1] == 1:
            values = np.concatenate([1 - values, values], axis=-1)
        right = np.take_along_axis(values, labels[..., None].astype(np.int64), axis=-1)
        return float(-np.mean(np.log(np.maximum(right, _SMALLEST))))

    def logits(self, model: keras.Model, name: str) -> keras.Model:
        """A model around `model` that returns one logit per class, two for a single unit.

        Args:
            model: The model that these outputs are of; it becomes the first layer.
            name: Name of the new model.
        """
        inputs = keras.Input(model.input_shape[1:], name="image", dtype=model.input.dtype)
        x = keras.ops.cast(model(inputs), "float32")
        if self.activation is not None:
            x = keras.ops.clip(x, _SMALLEST, 1 - _SMALLEST)
        if self.activation == "sigmoid":
            x = keras.ops.log(x) - keras.ops.log(1 - x)
        elif self.activation == "softmax":
            x = keras.ops.log(x)
        if self.shape[-1] == 1:
            x = keras.ops.concatenate([keras.ops.zeros_like(x), x], axis=-1)
        return keras.Model(inputs, x, name=name)
