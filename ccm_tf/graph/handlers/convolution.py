"""Convolutions: plain, grouped, transposed, depthwise and separable."""

from typing import Any

import numpy as np
from keras import layers

from ccm_tf.graph.flow import Effect, Flow, Macs, positions
from ccm_tf.graph.handlers.common import (
    channel_axis,
    first_input,
    freeze_mixing_activation,
    output_channels,
    refuse_wrapped_kernel,
    width_of,
)
from ccm_tf.graph.registry import register_handler
from ccm_tf.graph.trace import Call, Tensor


def _pixels(tensor: Tensor, axis: int) -> int:
    shape = tensor.shape
    return positions(shape, 2) if axis == 1 else positions(shape, 1, -1)


def _spatial(op) -> tuple[None, ...]:
    return (None,) * len(op.kernel_size)


@register_handler(layers.Conv1D, layers.Conv2D, layers.Conv3D)
def convolution(call: Call, flow: Flow) -> Effect:
    """Makes channels from channels; groups stay equally wide."""
    op, tensor, axis = call.op, first_input(call), channel_axis(call.op)
    refuse_wrapped_kernel(call)
    inputs = flow.along(tensor, axis, call)
    width = width_of(tensor, axis)
    if op.groups > 1 and op.groups == width:
        return _depthwise_by_groups(call, flow, inputs)
    outputs = flow.produce(call, op.filters)
    slices = inputs
    if op.groups > 1:
        flow.unite_groups(outputs, op.groups)
        if inputs is not None:
            flow.unite_groups(inputs, op.groups)
            slices = inputs[: width // op.groups]
    freeze_mixing_activation(call, flow, outputs)
    area = positions(op.kernel_size, 0) * _pixels(call.outputs[0], axis)
    return Effect(
        [output_channels(call, outputs, axis)],
        weights={"kernel": (*_spatial(op), slices, outputs), "bias": (outputs,)},
        config={"filters": outputs},
        macs=(Macs(area / op.groups, (width if inputs is None else inputs, outputs)),),
        reads=inputs,
        produces=outputs,
    )


def _depthwise_by_groups(call: Call, flow: Flow, inputs: np.ndarray | None) -> Effect:
    """`Conv2D(groups=channels)`: every input channel makes its own few outputs."""
    op, axis = call.op, channel_axis(call.op)
    if inputs is None:
        outputs = flow.fixed(
            op.filters, f"'{call.name}' filters channels that must stay one by one"
        )
        config: dict[str, Any] = {}
    else:
        outputs = np.repeat(inputs, op.filters // op.groups)
        config = {"filters": outputs, "groups": inputs}
    freeze_mixing_activation(call, flow, outputs)
    area = positions(op.kernel_size, 0) * _pixels(call.outputs[0], axis)
    return Effect(
        [output_channels(call, outputs, axis)],
        weights={"kernel": (*_spatial(op), None, outputs), "bias": (outputs,)},
        config=config,
        macs=(Macs(area, (outputs,)),),
    )


@register_handler(layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose)
def transposed_convolution(call: Call, flow: Flow) -> Effect:
    """Makes channels from channels; the kernel has its outputs before its inputs."""
    op, tensor, axis = call.op, first_input(call), channel_axis(call.op)
    refuse_wrapped_kernel(call)
    inputs = flow.along(tensor, axis, call)
    outputs = flow.produce(call, op.filters)
    freeze_mixing_activation(call, flow, outputs)
    area = positions(op.kernel_size, 0) * _pixels(tensor, axis)
    return Effect(
        [output_channels(call, outputs, axis)],
        weights={"kernel": (*_spatial(op), outputs, inputs), "bias": (outputs,)},
        config={"filters": outputs},
        macs=(Macs(area, (width_of(tensor, axis) if inputs is None else inputs, outputs)),),
        reads=inputs,
        produces=outputs,
    )


@register_handler(layers.DepthwiseConv1D, layers.DepthwiseConv2D)
def depthwise_convolution(call: Call, flow: Flow) -> Effect:
    """Filters every channel by itself, `depth_multiplier` times."""
    op, tensor, axis = call.op, first_input(call), channel_axis(call.op)
    refuse_wrapped_kernel(call)
    inputs = flow.along(tensor, axis, call)
    if inputs is None:
        inputs = flow.fixed(
            width_of(tensor, axis), f"'{call.name}' filters channels that must stay one by one"
        )
    outputs = np.repeat(inputs, op.depth_multiplier)
    freeze_mixing_activation(call, flow, outputs)
    area = positions(op.kernel_size, 0) * _pixels(call.outputs[0], axis)
    return Effect(
        [output_channels(call, outputs, axis)],
        weights={"kernel": (*_spatial(op), inputs, None), "bias": (outputs,)},
        macs=(Macs(area, (outputs,)),),
    )


@register_handler(layers.SeparableConv1D, layers.SeparableConv2D)
def separable_convolution(call: Call, flow: Flow) -> Effect:
    """Filters every channel by itself, then mixes them."""
    op, tensor, axis = call.op, first_input(call), channel_axis(call.op)
    refuse_wrapped_kernel(call)
    inputs = flow.along(tensor, axis, call)
    outputs = flow.produce(call, op.filters)
    freeze_mixing_activation(call, flow, outputs)
    middle = None if inputs is None else np.repeat(inputs, op.depth_multiplier)
    width = width_of(tensor, axis) * op.depth_multiplier if middle is None else middle
    pixels = _pixels(call.outputs[0], axis)
    return Effect(
        [output_channels(call, outputs, axis)],
        weights={
            "depthwise_kernel": (*_spatial(op), inputs, None),
            "pointwise_kernel": (*_spatial(op), middle, outputs),
            "bias": (outputs,),
        },
        config={"filters": outputs},
        macs=(
            Macs(positions(op.kernel_size, 0) * pixels, (width,)),
            Macs(pixels, (width, outputs)),
        ),
        reads=inputs,
        produces=outputs,
    )
