"""The alpha-beta rule, for every layer that has a kernel."""

from collections.abc import Callable
from typing import Any

from keras import ops

from ccm_tf.graph.handlers import convolution, dense
from ccm_tf.lrp.settings import Settings


def live(carrier: Any) -> Any:
    """Ones that differentiate like the carrier."""
    return 1 + (carrier - ops.stop_gradient(carrier))


def alpha_beta(
    linear: Callable[[Any, Any], Any],
    kernel: Any,
    value: Any,
    carrier: Any,
    signed: bool,
    settings: Settings,
    channels: int | None = None,
) -> tuple[Any, Any]:
    """The alpha-beta rule for a layer that is linear in its input; biases are left out.

    Args:
        linear: `linear(x, w)`, the layer as a function of input and kernel.
        kernel: The kernel.
        value: The input.
        carrier: Its carrier.
        signed: Whether the input may be negative.
        settings: Alpha and beta. Where nothing speaks against an output, or nothing for it, the
            other side gets everything, so that relevance is conserved.
        channels: The output's channel axis, if the kernel has its own for each channel along its
            last axis: what is for and against an output then comes from one call.

    Returns:
        The carrier of the output, and the output without a bias.
    """
    value, kernel = ops.cast(value, "float32"), ops.cast(kernel, "float32")
    # The published code gives convolutions no weight smaller than that, of either sign.
    least = settings.epsilon if settings.reference and len(kernel.shape) > 2 else 0.0
    kernels = ops.maximum(kernel, least), ops.minimum(kernel, -least)
    lively = value * live(carrier)
    if signed and not settings.reference:
        up, down = ops.where(value > 0, lively, 0.0), ops.where(value < 0, lively, 0.0)
        for_it, against = _both(linear, up, kernels, channels)
        others = _both(linear, down, kernels, channels)
        for_it, against = for_it + others[1], against + others[0]
    else:
        for_it, against = _both(linear, lively, kernels, channels)
    plus, minus = ops.stop_gradient(for_it), ops.stop_gradient(against)
    alpha, beta, epsilon = settings.alpha, settings.beta, settings.epsilon
    if settings.reference:
        made = alpha / (plus + epsilon) * for_it - beta / (minus + epsilon) * against
        return made, None
    # Where a side is empty, so is everything that is multiplied with its factor.
    up = ops.where(minus == 0, 1.0, alpha) / (plus + epsilon)
    down = ops.where(plus == 0, -1.0, beta) / (minus - epsilon)
    return up * for_it - down * against, plus + minus


def _both(linear: Callable, value: Any, kernels: tuple, channels: int | None) -> tuple[Any, Any]:
    if channels is None:
        return linear(value, kernels[0]), linear(value, kernels[1])
    first, second = ops.split(linear(value, ops.concatenate(kernels, axis=-1)), 2, axis=channels)
    return first, second


def channel_axis_of(op: Any) -> int:
    """The channel axis of a layer's output."""
    return 1 if getattr(op, "data_format", "channels_last") == "channels_first" else -1


def _dense(op, value, carrier, signed, settings):
    return alpha_beta(ops.matmul, op.kernel, value, carrier, signed, settings, -1)


def _options(op: Any) -> dict[str, Any]:
    return {
        "strides": op.strides,
        "padding": op.padding if op.padding != "causal" else "valid",
        "data_format": op.data_format,
        "dilation_rate": op.dilation_rate,
    }


def _padded(op: Any, value: Any) -> Any:
    """The past that a causal convolution starts with."""
    if op.padding != "causal":
        return value
    before = op.dilation_rate[0] * (op.kernel_size[0] - 1)
    past, whole = [before, 0], [0, 0]
    last = op.data_format == "channels_last"
    return ops.pad(value, [whole, past, whole] if last else [whole, whole, past])


def _convolution(op, value, carrier, signed, settings):
    def linear(x, w):
        return ops.conv(_padded(op, x), w, **_options(op))

    channels = channel_axis_of(op) if op.groups == 1 else None
    return alpha_beta(linear, op.kernel, value, carrier, signed, settings, channels)


def _transposed(op, value, carrier, signed, settings):
    def linear(x, w):
        return ops.conv_transpose(
            x, w, output_padding=getattr(op, "output_padding", None), **_options(op)
        )

    return alpha_beta(linear, op.kernel, value, carrier, signed, settings)


def _depthwise(op, value, carrier, signed, settings):
    def linear(x, w):
        return ops.depthwise_conv(_padded(op, x), w, **_options(op))

    return alpha_beta(linear, op.kernel, value, carrier, signed, settings)


def _separable(op, value, carrier, signed, settings):
    def along(x, w):
        return ops.depthwise_conv(_padded(op, x), w, **_options(op))

    def across(x, w):
        return ops.conv(x, w, padding="valid", data_format=op.data_format)

    kernel = op.depthwise_kernel
    middle, _ = alpha_beta(along, kernel, value, carrier, signed, settings)
    value = along(ops.cast(value, "float32"), ops.cast(kernel, "float32"))
    return alpha_beta(
        across, op.pointwise_kernel, value, middle, True, settings, channel_axis_of(op)
    )


LINEAR: dict[Any, Callable[..., tuple[Any, Any]]] = {
    convolution.convolution: _convolution,
    convolution.transposed_convolution: _transposed,
    convolution.depthwise_convolution: _depthwise,
    convolution.separable_convolution: _separable,
    dense.dense: _dense,
}
