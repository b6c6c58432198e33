"""Recurrent layers: a channel is a unit with all its gates."""

import numpy as np
from keras import layers

from ccm_tf.graph.flow import Channels, Effect, Flow, Macs, positions
from ccm_tf.graph.handlers.common import (
    channel_axis,
    elementwise_activation,
    first_input,
    unfollowed,
    width_of,
)
from ccm_tf.graph.registry import register_frozen, register_handler
from ccm_tf.graph.trace import Call

_GATES = {
    layers.SimpleRNN: 1,
    layers.GRU: 3,
    layers.LSTM: 4,
    layers.ConvLSTM1D: 4,
    layers.ConvLSTM2D: 4,
    layers.ConvLSTM3D: 4,
}


@register_handler(layers.SimpleRNN, layers.GRU, layers.LSTM)
def recurrent(call: Call, flow: Flow) -> Effect:
    """Makes units from the channels of every step."""
    op, tensor = call.op, first_input(call)
    inputs = flow.along(tensor, -1, call)
    outputs = flow.produce(call, op.units)
    gates = _GATES[type(op)]
    stacked = np.tile(outputs, gates)
    # A GRU that resets after the product has one bias for each of its two products.
    bias = op.cell.bias
    return Effect(
        _outputs(call, flow, outputs, -1),
        weights={
            "cell.kernel": (inputs, stacked),
            "cell.recurrent_kernel": (outputs, stacked),
            "cell.bias": (stacked,) if bias is None or len(bias.shape) == 1 else (None, stacked),
        },
        config={"units": outputs},
        macs=_macs(gates * positions(tensor.shape, 1, -1), tensor, -1, inputs, outputs),
        reads=inputs,
        produces=outputs,
    )


@register_handler(layers.ConvLSTM1D, layers.ConvLSTM2D, layers.ConvLSTM3D)
def convolutional_recurrent(call: Call, flow: Flow) -> Effect:
    """Makes feature maps from the feature maps of every step."""
    op, tensor = call.op, first_input(call)
    axis = 2 if channel_axis(op) == 1 else -1
    inputs = flow.along(tensor, axis, call)
    outputs = flow.produce(call, op.filters)
    stacked = np.tile(outputs, _GATES[type(op)])
    spatial = (None,) * len(op.kernel_size)
    steps = tensor.shape[1] or 1
    pixels = positions(call.outputs[0].shape, 1) // op.filters
    if op.return_sequences:
        pixels //= steps
    area = _GATES[type(op)] * positions(op.kernel_size, 0) * steps * pixels
    return Effect(
        _outputs(call, flow, outputs, -1 if axis == -1 else (2 if op.return_sequences else 1)),
        weights={
            "cell.kernel": (*spatial, inputs, stacked),
            "cell.recurrent_kernel": (*spatial, outputs, stacked),
            "cell.bias": (stacked,),
        },
        config={"filters": outputs},
        macs=_macs(area, tensor, axis, inputs, outputs),
        reads=inputs,
        produces=outputs,
    )


def _outputs(call: Call, flow: Flow, labels: np.ndarray, axis: int) -> list[Channels | None]:
    """The output sequence or state, and the states if they are returned."""
    for name in ("activation", "recurrent_activation"):
        if not elementwise_activation(getattr(call.op, name, None)):
            flow.labels.freeze(labels, f"'{call.name}' has an activation that may mix channels")
    if len(call.inputs) > 1:
        # A state that comes from elsewhere has its units one by one.
        for state in call.inputs[1:]:
            channels = flow.of(state)
            if channels is not None and len(channels.labels) == len(labels):
                flow.labels.unite(channels.labels, labels)
            else:
                flow.labels.freeze(labels, f"'{call.name}' gets a state whose units must stay")
    made: list[Channels | None] = []
    for tensor in call.outputs:
        at = axis if tensor.index == 0 or axis == -1 else 1
        made.append(Channels(labels, at % len(tensor.shape)))
    return made


def _macs(scale, tensor, axis, inputs, outputs) -> tuple[Macs, ...]:
    width = width_of(tensor, axis) if inputs is None else inputs
    return Macs(scale, (width, outputs)), Macs(scale, (outputs, outputs))


@register_handler(layers.Bidirectional)
def bidirectional(call: Call, flow: Flow) -> Effect:
    """Two recurrent layers whose j-th units are one channel each."""
    op, tensor = call.op, first_input(call)
    forward, backward = op.forward_layer, op.backward_layer
    plain = type(forward) in (layers.SimpleRNN, layers.GRU, layers.LSTM)
    if not plain or type(backward) is not type(forward) or len(call.outputs) > 1:
        flow.freeze_inputs(call, f"'{call.name}' (Bidirectional) wraps a layer that is not handled")
        return unfollowed(call)
    inputs = flow.along(tensor, -1, call)
    units = flow.produce(call, forward.units)
    gates = _GATES[type(forward)]
    stacked = np.tile(units, gates)
    weights: dict[str, tuple[np.ndarray | None, ...]] = {}
    for side in ("forward_layer", "backward_layer"):
        bias = getattr(op, side).cell.bias
        one = bias is None or len(bias.shape) == 1
        weights[f"{side}.cell.kernel"] = (inputs, stacked)
        weights[f"{side}.cell.recurrent_kernel"] = (units, stacked)
        weights[f"{side}.cell.bias"] = (stacked,) if one else (None, stacked)
    labels = np.tile(units, 2) if op.merge_mode == "concat" else units
    scale = 2 * gates * positions(tensor.shape, 1, -1)
    config = op.get_config()

    def slim(key):
        def layer(kept):
            inner = {**config[key]["config"], "units": int(np.count_nonzero(kept(units)))}
            return {**config[key], "config": inner}

        return layer

    return Effect(
        [Channels(labels, len(call.outputs[0].shape) - 1)],
        weights=weights,
        config={key: slim(key) for key in ("layer", "backward_layer") if config.get(key)},
        macs=_macs(scale, tensor, -1, inputs, units),
        reads=inputs,
        produces=units,
    )


register_frozen(
    "runs cells of any kind over time, whose units are not known",
    layers.RNN,
    layers.StackedRNNCells,
)
