"""Operations on one tensor that treat every channel by itself."""

from keras import layers

from ccm_tf.graph.flow import Effect, Flow
from ccm_tf.graph.handlers.common import elementwise_activation, first_input, passthrough, same
from ccm_tf.graph.registry import register_frozen, register_handler
from ccm_tf.graph.trace import Call

register_handler(
    layers.ActivityRegularization,
    layers.AlphaDropout,
    layers.Dropout,
    layers.ELU,
    layers.GaussianDropout,
    layers.GaussianNoise,
    layers.Identity,
    layers.LeakyReLU,
    layers.ReLU,
    layers.SpatialDropout1D,
    layers.SpatialDropout2D,
    layers.SpatialDropout3D,
    # Raw operations, by the name of their class.
    "Absolute",
    "Arctan",
    "Cast",
    "Ceil",
    "Celu",
    "Clip",
    "Copy",
    "Cos",
    "Cosh",
    "Elu",
    "Erf",
    "Exp",
    "Expm1",
    "Floor",
    "Gelu",
    "HardShrink",
    "HardSigmoid",
    "HardSilu",
    "HardTanh",
    "LeakyRelu",
    "Log",
    "Log1p",
    "LogSigmoid",
    "Negative",
    "Reciprocal",
    "Relu",
    "Relu6",
    "Round",
    "Rsqrt",
    "Selu",
    "Sigmoid",
    "Sign",
    "Silu",
    "Sin",
    "Sinh",
    "SoftShrink",
    "Softplus",
    "Softsign",
    "SparsePlus",
    "Sqrt",
    "Square",
    "Squareplus",
    "StopGradient",
    "Tan",
    "Tanh",
    "TanhShrink",
    "Threshold",
)(passthrough)


@register_handler(layers.Activation)
def activation(call: Call, flow: Flow) -> Effect:
    """An activation function; one that mixes channels freezes them."""
    if not elementwise_activation(call.op.activation):
        name = getattr(call.op.activation, "__name__", call.op.activation)
        flow.freeze_inputs(
            call, f"'{call.name}' is the activation '{name}', which may mix channels"
        )
    return passthrough(call, flow)


@register_handler(layers.PReLU)
def prelu(call: Call, flow: Flow) -> Effect:
    """A slope for each channel, unless shared along the channel axis."""
    tensor = first_input(call)
    channels = flow.of(tensor)
    if channels is None:
        return same(None)
    shared = call.op.shared_axes or ()
    axes: list = [None] * (len(tensor.shape) - 1)
    if channels.axis not in shared:
        axes[channels.axis - 1] = channels.labels
    return same(channels, weights={"alpha": tuple(axes)})


@register_handler(layers.Softmax, "Softmax", "LogSoftmax")
def softmax(call: Call, flow: Flow) -> Effect:
    """Over channels only with `exact=False`; over other axes always."""
    tensor = first_input(call)
    channels = flow.of(tensor)
    axes = call.op.axis
    axes = [axes] if isinstance(axes, int) else list(axes)
    if channels is not None and channels.axis in [a % len(tensor.shape) for a in axes]:
        flow.freeze_if_exact(
            channels, f"'{call.name}' ({type(call.op).__name__}) divides by the sum over channels"
        )
    return same(channels)


register_frozen("mixes channels", "Sparsemax", "Glu")
