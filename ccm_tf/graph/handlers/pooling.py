"""Pooling and other operations on the spatial axes."""

from keras import layers

from ccm_tf.graph.flow import Channels, Effect, Flow
from ccm_tf.graph.handlers.common import channel_axis, first_input, output_channels, same
from ccm_tf.graph.registry import register_handler
from ccm_tf.graph.trace import Call


@register_handler(
    layers.AdaptiveAveragePooling1D,
    layers.AdaptiveAveragePooling2D,
    layers.AdaptiveAveragePooling3D,
    layers.AdaptiveMaxPooling1D,
    layers.AdaptiveMaxPooling2D,
    layers.AdaptiveMaxPooling3D,
    layers.AveragePooling1D,
    layers.AveragePooling2D,
    layers.AveragePooling3D,
    layers.CenterCrop,
    layers.Cropping1D,
    layers.Cropping2D,
    layers.Cropping3D,
    layers.GlobalAveragePooling1D,
    layers.GlobalAveragePooling2D,
    layers.GlobalAveragePooling3D,
    layers.GlobalMaxPooling1D,
    layers.GlobalMaxPooling2D,
    layers.GlobalMaxPooling3D,
    layers.MaxPooling1D,
    layers.MaxPooling2D,
    layers.MaxPooling3D,
    layers.Resizing,
    layers.UpSampling1D,
    layers.UpSampling2D,
    layers.UpSampling3D,
    layers.ZeroPadding1D,
    layers.ZeroPadding2D,
    layers.ZeroPadding3D,
)
def spatial(call: Call, flow: Flow) -> Effect:
    """Works on the spatial axes; the channels keep their place, or become the last axis left."""
    axis = channel_axis(call.op)
    labels = flow.along(first_input(call), axis, call)
    rank = len(call.outputs[0].shape)
    return same(output_channels(call, labels, axis if rank > 2 else -1))


@register_handler("Mean", "Max", "Min", "Sum")
def reduction(call: Call, flow: Flow) -> Effect:
    """`keras.ops.mean` and its kind, over axes other than the channels'."""
    tensor = first_input(call)
    channels = flow.of(tensor)
    if channels is None:
        return same(None)
    rank = len(tensor.shape)
    axes = call.op.axis
    axes = range(rank) if axes is None else [axes] if isinstance(axes, int) else axes
    reduced = {axis % rank for axis in axes}
    if channels.axis in reduced:
        flow.freeze(channels, f"'{call.name}' ({type(call.op).__name__}) reduces over channels")
        return same(None)
    gone = 0 if call.op.keepdims else sum(axis < channels.axis for axis in reduced)
    return same(Channels(channels.labels, channels.axis - gone))
