"""What the handlers of several kinds of layers share."""

from typing import Any

import keras
import numpy as np

from ccm_tf.graph.flow import Channels, Effect, Flow
from ccm_tf.graph.trace import Call, Tensor

_ELEMENTWISE = (
    "celu elu exponential gelu hard_shrink hard_sigmoid hard_silu hard_tanh leaky_relu linear "
    "log_sigmoid mish relu relu6 selu sigmoid silu soft_shrink softplus softsign sparse_plus "
    "sparse_sigmoid squareplus tanh tanh_shrink threshold"
).split()


def elementwise_activation(activation: Any) -> bool:
    """Whether an activation treats every channel by itself."""
    if activation is None:
        return True
    if isinstance(activation, keras.Layer):
        return isinstance(
            activation, (keras.layers.ReLU, keras.layers.LeakyReLU, keras.layers.ELU)
        ) or (
            isinstance(activation, keras.layers.Activation)
            and elementwise_activation(activation.activation)
        )
    return any(activation is getattr(keras.activations, name, None) for name in _ELEMENTWISE)


def freeze_mixing_activation(call: Call, flow: Flow, labels: np.ndarray | None) -> None:
    """Freezes channels that a fused activation such as softmax mixes."""
    activation = getattr(call.op, "activation", None)
    if labels is not None and not elementwise_activation(activation):
        name = getattr(activation, "__name__", None) or getattr(activation, "name", activation)
        flow.labels.freeze(
            labels, f"'{call.name}' ends in the activation '{name}', which may mix channels"
        )


def refuse_wrapped_kernel(call: Call) -> None:
    """Stops at layers whose kernel is not the plain variable that it seems to be."""
    if getattr(call.op, "quantization_mode", None) is not None:
        raise ValueError(
            f"Layer '{call.name}' is quantised ({call.op.quantization_mode}). Prune the float "
            "model first and quantise the result."
        )
    if getattr(call.op, "lora_enabled", False):
        raise ValueError(
            f"Layer '{call.name}' has LoRA enabled. Merge it first: save the model's weights "
            "and load them into a model without LoRA."
        )


def channel_axis(op: Any) -> int:
    """Axis of the channels for a layer with a `data_format`."""
    return 1 if getattr(op, "data_format", "channels_last") == "channels_first" else -1


def first_input(call: Call) -> Tensor:
    """The first tensor among the arguments."""
    return call.inputs[0]


def width_of(tensor: Tensor, axis: int) -> int:
    """Number of channels along an axis, which Keras needs to be static."""
    width = tensor.shape[axis]
    if width is None:
        raise ValueError(f"Axis {axis} of a tensor of shape {tensor.shape} has no static size.")
    return width


def same(channels: Channels | None, **effect: Any) -> Effect:
    """An effect with one output whose channels are those of the input."""
    return Effect([channels], **effect)


def unfollowed(call: Call, **effect: Any) -> Effect:
    """An effect after which channels are not followed."""
    return Effect([None] * len(call.outputs), **effect)


def passthrough(call: Call, flow: Flow) -> Effect:
    """Elementwise on one tensor: channels stay where they are."""
    return same(flow.of(first_input(call)))


def output_channels(call: Call, labels: np.ndarray | None, axis: int) -> Channels | None:
    """Channels of the first output with `labels` along `axis` (may be negative)."""
    if labels is None:
        return None
    return Channels(labels, axis % len(call.outputs[0].shape))
