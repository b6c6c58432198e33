"""The copy of a model in which some layers are bottlenecks."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import layers

from ccm_tf.graph import ChannelGraph
from ccm_tf.graph.calls import Call
from ccm_tf.kfe.blocks import ENTER, LEAVE, Block
from ccm_tf.kfe.directions import Directions
from ccm_tf.slim import SlimCopy

_DEPTHWISE = {1: layers.DepthwiseConv1D, 2: layers.DepthwiseConv2D}
_COPIED = ("dtype", "data_format", "kernel_initializer", "kernel_regularizer")
_LAST = ("activation", "use_bias", "bias_initializer", "bias_regularizer", "activity_regularizer")


class BottleneckCopy(SlimCopy):
    """A copy of a graph's operations in which some layers are three.

    Args:
        graph: The graph of the model to copy.
        chosen: Name of a layer to its block and the directions that stay.
        trainable_rotations: Whether the first and the last of the three learn.

    Attributes:
        model: The new `keras.Model`.
    """

    def __init__(
        self,
        graph: ChannelGraph,
        chosen: Mapping[str, tuple[Block, Directions]],
        trainable_rotations: bool = True,
    ):
        self._instead: dict[str, list[Any]] = {}
        stages = {}
        for name, (block, directions) in chosen.items():
            made = _stages(block, directions, trainable_rotations)
            stages[name] = made
            if block.enter is None or block.leave is None:
                self._instead[name] = made
            else:
                names = block.enter.name, name, block.leave.name
                self._instead |= {key: [layer] for key, layer in zip(names, made, strict=True)}
        super().__init__(graph, graph.kept(graph.all_kept()))
        for name, (block, directions) in chosen.items():
            _fill(stages[name], block, directions)

    def apply(self, call: Call, args: tuple, kwargs: dict) -> Any:
        """Calls the three layers in the place of the one."""
        if call.name not in self._instead:
            return super().apply(call, args, kwargs)
        # The same object as in the original: there is no weight to copy one by one.
        self.ops[call.name] = call.op
        (value,) = keras.tree.flatten((args, kwargs))[:1]
        for layer in self._instead[call.name]:
            value = layer(value)
        return value


def _stages(block: Block, directions: Directions, trainable: bool) -> list[Any]:
    """Rotation, core and rotation, not built yet; the last has the bias and the activation."""
    enter = block.op if block.enter is None else block.enter.op
    leave = block.op if block.leave is None else block.leave.op
    last = leave.get_config()
    ends = {key: last[key] for key in _LAST if key in last}
    rotation = {"trainable": trainable and block.op.trainable}
    return [
        _pointwise(enter, ENTER.format(block.name), directions.inputs.shape[1], rotation),
        _core(block, directions),
        _pointwise(
            leave, LEAVE.format(block.name), block.widths[1], {"use_bias": True, **ends, **rotation}
        ),
    ]


def _pointwise(like: Any, name: str, width: int, settings: dict[str, Any]) -> Any:
    config = {key: value for key, value in like.get_config().items() if key in _COPIED}
    config |= {"name": name, "use_bias": False, **settings}
    if isinstance(like, layers.Dense):
        return layers.Dense.from_config({**config, "units": width})
    kind = {1: layers.Conv1D, 2: layers.Conv2D, 3: layers.Conv3D}[len(like.kernel_size)]
    return kind.from_config({**config, "filters": width, "kernel_size": 1})


def _core(block: Block, directions: Directions) -> Any:
    op, width = block.op, directions.outputs.shape[1]
    if isinstance(op, layers.Dense):
        return _pointwise(op, block.name, width, {"trainable": op.trainable})
    config = op.get_config()
    wanted = (*_COPIED, "kernel_size", "strides", "padding", "dilation_rate", "trainable")
    config = {key: config[key] for key in wanted if key in config}
    config |= {"name": block.name, "use_bias": False}
    if directions.taps is None:
        kind = {1: layers.Conv1D, 2: layers.Conv2D, 3: layers.Conv3D}[len(op.kernel_size)]
        return kind.from_config({**config, "filters": width})
    config["depthwise_initializer"] = config.pop("kernel_initializer")
    config["depthwise_regularizer"] = config.pop("kernel_regularizer")
    return _DEPTHWISE[len(op.kernel_size)].from_config(config)


def _fill(stages: list[Any], block: Block, directions: Directions) -> None:
    into, out = block.rotations()
    enter, core, leave = stages
    _set(enter.kernel, into @ directions.inputs)
    if directions.taps is None:
        kernel = np.einsum(
            "iq,tio,op->tqp", directions.inputs, block.kernel(), directions.outputs, optimize=True
        )
    else:
        kernel = directions.taps
    _set(core.kernel, kernel)
    _set(leave.kernel, (out @ directions.outputs).T)
    bias = (block.op if block.leave is None else block.leave.op).bias
    if bias is not None:
        leave.bias.assign(bias)


def _set(variable: Any, value: np.ndarray) -> None:
    variable.assign(value.reshape(tuple(variable.shape)))
