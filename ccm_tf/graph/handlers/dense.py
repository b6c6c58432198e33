"""Fully connected layers."""

from keras import layers

from ccm_tf.graph.flow import Effect, Flow, Macs, positions
from ccm_tf.graph.handlers.common import (
    first_input,
    freeze_mixing_activation,
    output_channels,
    refuse_wrapped_kernel,
    width_of,
)
from ccm_tf.graph.registry import register_handler
from ccm_tf.graph.trace import Call


@register_handler(layers.Dense)
def dense(call: Call, flow: Flow) -> Effect:
    """Makes channels from the last axis."""
    op, tensor = call.op, first_input(call)
    refuse_wrapped_kernel(call)
    inputs = flow.along(tensor, -1, call)
    outputs = flow.produce(call, op.units)
    freeze_mixing_activation(call, flow, outputs)
    width = width_of(tensor, -1) if inputs is None else inputs
    return Effect(
        [output_channels(call, outputs, -1)],
        weights={"kernel": (inputs, outputs), "bias": (outputs,)},
        config={"units": outputs},
        macs=(Macs(positions(tensor.shape, 1, -1), (width, outputs)),),
        reads=inputs,
        produces=outputs,
    )
