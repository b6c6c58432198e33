"""The layers that can be written in a Kronecker-factored eigenbasis, and those that were."""

import dataclasses
from typing import Any

import keras
import numpy as np
from keras import layers

from ccm_tf.graph import ChannelGraph
from ccm_tf.graph.calls import Call
from ccm_tf.graph.flow import positions
from ccm_tf.graph.handlers.common import channel_axis
from ccm_tf.graph.handlers.convolution import convolution
from ccm_tf.graph.handlers.dense import dense
from ccm_tf.graph.registry import handler_for
from ccm_tf.kfe.geometry import Axis

ENTER, LEAVE = "{}_kfe_in", "{}_kfe_out"
_CONVOLUTIONS = (layers.Conv1D, layers.Conv2D, layers.Conv3D)
_DEPTHWISE = (layers.DepthwiseConv1D, layers.DepthwiseConv2D)


@dataclasses.dataclass(frozen=True, eq=False)
class Block:
    """A convolution or dense layer, alone or as the core of a bottleneck.

    Attributes:
        name: Name of the layer.
        op: The layer.
        calls: Its calls; several for a shared layer.
        axes: Its windows along each spatial axis; empty for a dense layer.
        enter: The rotation in front, if it is the core of a bottleneck.
        leave: The rotation behind, likewise.
        pixels: Input and output positions of all calls, for counting MACs.
        is_output: Whether its channels leave the model.
    """

    name: str
    op: keras.Layer
    calls: tuple[Call, ...]
    axes: tuple[Axis, ...]
    enter: Call | None
    leave: Call | None
    pixels: tuple[int, int]
    is_output: bool

    @property
    def taps(self) -> int:
        """Number of kernel positions."""
        return int(np.prod([axis.kernel for axis in self.axes], dtype=np.int64))

    @property
    def shape(self) -> tuple[int, int, int]:
        """Taps, inputs and outputs of the kernel."""
        inputs, outputs = self.op.kernel.shape[-2:]
        return self.taps, int(inputs), int(outputs)

    @property
    def widths(self) -> tuple[int, int]:
        """Inputs of the whole bottleneck and outputs of it; those of the layer if it is none."""
        _, inputs, outputs = self.shape
        if self.enter is not None and self.leave is not None:
            inputs = int(self.enter.op.kernel.shape[-2])
            outputs = int(self.leave.op.kernel.shape[-1])
        return inputs, outputs

    def kernel(self) -> np.ndarray:
        """The kernel, float64 (taps, inputs, outputs)."""
        return as_kernel(self.op.kernel).reshape(self.shape)

    def rotations(self) -> tuple[np.ndarray, np.ndarray]:
        """The rotations that are there already, float64: (C_in, inputs) and (C_out, outputs)."""
        _, inputs, outputs = self.shape
        if self.enter is None or self.leave is None:
            return np.eye(inputs), np.eye(outputs)
        into = as_kernel(self.enter.op.kernel).reshape(self.widths[0], inputs)
        out = as_kernel(self.leave.op.kernel).reshape(outputs, self.widths[1])
        return into, out.T


def as_kernel(variable: Any) -> np.ndarray:
    """A variable's value in float64."""
    return keras.ops.convert_to_numpy(variable).astype(np.float64)


def find_blocks(graph: ChannelGraph) -> tuple[dict[str, Block], dict[str, str]]:
    """The layers with Kronecker factors, and for the other kernels why they have none.

    Args:
        graph: The channel graph.

    Returns:
        Name to `Block`, in order of execution, and name to reason.
    """
    calls: dict[str, list[Call]] = {}
    for call in graph.trace.calls:
        calls.setdefault(call.name, []).append(call)
    readers = _readers(graph)
    outputs = _outputs(graph)
    blocks, reasons, rotations = {}, {}, set()
    for name, found in calls.items():
        ends = _ends(name, calls, readers)
        if ends is not None:
            rotations |= {end.name for end in ends}
        if not any(len(w.shape) > 1 for w in getattr(found[0].op, "weights", ())):
            continue
        reason = _reason(found)
        if reason is not None:
            reasons[name] = reason
            continue
        enter, leave = ends or (None, None)
        pixels = _pixels(found)
        blocks[name] = Block(
            name,
            found[0].op,
            tuple(found),
            axes_of(found[0].op),
            enter,
            leave,
            pixels,
            name in outputs,
        )
    for name in rotations:
        blocks.pop(name, None)
        reasons[name] = "it is a rotation of a bottleneck and belongs to its core"
    return blocks, reasons


def _reason(calls: list[Call]) -> str | None:
    """Why a layer has no Kronecker factors, `None` if it has."""
    op = calls[0].op
    kind = type(op).__name__
    if isinstance(op, _DEPTHWISE):
        return "it is depthwise: no channel meets another one"
    if getattr(op, "groups", 1) > 1:
        return f"it has {op.groups} groups, whose gradients are not one Kronecker product"
    if handler_for(op) not in (convolution, dense):
        return f"layers of type {kind} have no Kronecker factors"
    sizes = {call.inputs[0].shape[1:] for call in calls}
    if len(sizes) > 1:
        return f"it is called on maps of different sizes, {sorted(sizes, key=str)}"
    return None


def axes_of(op: Any) -> tuple[Axis, ...]:
    """The windows of a convolution along each spatial axis; none for a dense layer."""
    if isinstance(op, layers.Dense):
        return ()
    return tuple(
        Axis(kernel, stride, dilation, op.padding)
        for kernel, stride, dilation in zip(
            op.kernel_size, op.strides, op.dilation_rate, strict=True
        )
    )


def _pixels(calls: list[Call]) -> tuple[int, int]:
    inputs = outputs = 0
    for call in calls:
        first = channel_axis(call.op) == 1
        span = (2, None) if first else (1, -1)
        inputs += positions(call.inputs[0].shape, *span)
        outputs += positions(call.outputs[0].shape, *span)
    return inputs, outputs


def _readers(graph: ChannelGraph) -> dict[Any, list[Call]]:
    readers: dict[Any, list[Call]] = {}
    for call in graph.trace.calls:
        for tensor in call.inputs:
            readers.setdefault(tensor, []).append(call)
    return readers


def _ends(
    name: str, calls: dict[str, list[Call]], readers: dict[Any, list[Call]]
) -> tuple[Call, Call] | None:
    """The rotations around a core, if the three are a linear chain that nobody else looks into."""
    cores = calls[name]
    enters, leaves = calls.get(ENTER.format(name), []), calls.get(LEAVE.format(name), [])
    if not len(cores) == len(enters) == len(leaves):
        return None
    for enter, core, leave in zip(enters, cores, leaves, strict=True):
        chained = readers.get(enter.outputs[0]) == [core] and readers.get(core.outputs[0]) == [
            leave
        ]
        if not (chained and _is_rotation(leave.op) and _linear(enter.op) and _linear(core.op)):
            return None
        if not _is_rotation(enter.op):
            return None
    return enters[0], leaves[0]


def _is_rotation(op: Any) -> bool:
    if isinstance(op, layers.Dense):
        return True
    if not isinstance(op, _CONVOLUTIONS) or op.groups > 1:
        return False
    return all(side == 1 for side in (*op.kernel_size, *op.strides))


def _linear(op: Any) -> bool:
    linear = getattr(op, "activation", None) in (None, keras.activations.linear)
    return linear and getattr(op, "bias", None) is None


def _outputs(graph: ChannelGraph) -> set[str]:
    """Layers whose channels leave the model."""
    marked = set()
    for call, effect in zip(graph.trace.calls, graph.effects, strict=True):
        if effect.produces is None:
            continue
        reasons = graph.reasons_for(graph.roots_of(effect.produces))
        if any("is an output of the model" in reason for reason in reasons):
            marked.add(call.name)
    return marked
