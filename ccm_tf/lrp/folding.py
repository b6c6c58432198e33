"""Batch normalisation behind a layer as part of its kernel, for the rules of relevance.

Folded in, normalisation scales what a kernel makes channel by channel. Relevance is parted by
shares, in which a positive scale cancels; a negative one turns what speaks for an output into what
speaks against it. So the sign is all that counts.
"""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from ccm_tf.graph.calls import key_of
from ccm_tf.graph.handlers import convolution, dense, normalization
from ccm_tf.graph.registry import handler_for
from ccm_tf.graph.trace import Trace


def folded_norms(trace: Trace) -> dict[int, Any]:
    """Which calls of layers with a kernel are followed by nothing but batch normalisation.

    Args:
        trace: A model's trace.

    Returns:
        Position of the call to the layer that normalises its output.
    """
    readers: dict[tuple[int, int], list[Any]] = {}
    for call in trace.calls:
        for tensor in call.inputs:
            readers.setdefault(key_of(tensor), []).append(call)
    leaving = {key_of(tensor) for tensor in trace.flat_outputs}
    found = {}
    for call in trace.calls:
        if handler_for(call.op) not in _TURNED or not _is_linear(call.op):
            continue
        (output,) = call.outputs
        after = readers.get(key_of(output), [])
        if len(after) == 1 and key_of(output) not in leaving:
            norm = after[0].op
            if handler_for(norm) is normalization.batch_normalization and norm.scale:
                found[call.position] = norm
    return found


class Turned:
    """A layer whose kernel has the signs of the normalisation behind it.

    Args:
        op: The layer.
        norm: The `BatchNormalization` behind it.

    Attributes:
        signs: 1 or -1 for each channel of its output.
    """

    def __init__(self, op: Any, norm: Any):
        self._op = op
        self.signs = ops.where(ops.convert_to_tensor(norm.gamma) < 0, -1.0, 1.0)
        name, shaped = _TURNED[handler_for(op)]
        kernel = ops.cast(getattr(op, name), "float32")
        setattr(self, name, kernel * shaped(self.signs, kernel))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._op, name)


def _is_linear(op: Any) -> bool:
    return getattr(op, "activation", None) in (None, keras.activations.linear)


def _along_last(signs: Any, kernel: Any) -> Any:
    return signs


def _along_last_but_one(signs: Any, kernel: Any) -> Any:
    return signs[:, None]


def _of_depthwise(signs: Any, kernel: Any) -> Any:
    return ops.reshape(signs, kernel.shape[-2:])


# Handler to the kernel that makes the output, and how its channels lie in it.
_TURNED: dict[Any, tuple[str, Callable[[Any, Any], Any]]] = {
    convolution.convolution: ("kernel", _along_last),
    convolution.transposed_convolution: ("kernel", _along_last_but_one),
    convolution.depthwise_convolution: ("kernel", _of_depthwise),
    convolution.separable_convolution: ("pointwise_kernel", _along_last),
    dense.dense: ("kernel", _along_last),
}
