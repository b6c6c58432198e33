"""A LiteRT file cut into its operators, each a file of its own: latency layer by layer."""

import dataclasses
import pathlib
from collections.abc import Callable
from typing import Any

from ccm_tf.latency.timing import interleaved, median_alone
from ccm_tf.litert_file import open_interpreter
from ccm_tf.litert_metadata import packed_model, unpacked_model

_TURNS = 20


@dataclasses.dataclass(frozen=True)
class LayerLatency:
    """One operator of a file.

    Attributes:
        name: Name of its output in the file: converted from that of the Keras layer.
        kind: LiteRT's name of the operator, such as `"CONV_2D"`.
        output_shape: Shape of its output.
        milliseconds: Median time, run alone.
    """

    name: str
    kind: str
    output_shape: tuple[int, ...]
    milliseconds: float


def layer_latencies(path: pathlib.Path, threads: int = 1) -> list[LayerLatency]:
    """Times every operator of a LiteRT file by itself.

    The operators take turns, so that each finds its weights as far away as it does in the whole
    file; its input is written just before, as the operator in front of it does. Their sum differs
    from the time of the file where LiteRT fuses operators that stand in a row.

    Args:
        path: A `.tflite` file.
        threads: How many threads compute. Defaults to 1.

    Returns:
        One entry per operator that computes something, in order.

    Raises:
        ValueError: If the file is damaged, or has control flow.
    """
    model = unpacked_model(path)
    if len(model.subgraphs) != 1:
        raise ValueError(f"'{path}' has control flow, so its operators cannot be timed alone.")
    found = [
        (operator, _alone(model, operator))
        for operator in model.subgraphs[0].operators
        if not _about_shapes(model, operator)
    ]
    opened = [(operator, _opened(content, threads)) for operator, content in found]
    timed = [(operator, interpreter) for operator, interpreter in opened if interpreter]
    times = interleaved(
        [interpreter.invoke for _, interpreter in timed],
        _TURNS,
        _TURNS,
        before=[feeder(interpreter) for _, interpreter in timed],
    )
    rows = []
    for (operator, _), turns in zip(timed, times, strict=True):
        output = model.subgraphs[0].tensors[operator.outputs[0]]
        rows.append(
            LayerLatency(
                _readable(output.name),
                _kind(model, operator),
                tuple(int(size) for size in output.shape),
                median_alone(turns, threads),
            )
        )
    return rows


def _about_shapes(model: Any, operator: Any) -> bool:
    """Whether an operator reckons with shapes: it takes no time, and cannot run alone."""
    from ai_edge_litert import schema_py_generated as schema

    integers = (schema.TensorType.INT32, schema.TensorType.INT64)
    tensors = model.subgraphs[0].tensors
    touched = [tensors[index] for index in (*operator.inputs, *operator.outputs) if index >= 0]
    return any(t.type in integers and model.buffers[t.buffer].data is None for t in touched)


def _alone(model: Any, operator: Any) -> bytes:
    """A file with one operator: its tensors and constants, and nothing else."""
    from ai_edge_litert import schema_py_generated as schema

    tensors: list[Any] = []
    buffers, renumbered, inputs = [schema.BufferT()], {-1: -1}, []
    for index in dict.fromkeys([*operator.inputs, *operator.outputs]):
        if index < 0:
            continue
        tensor = model.subgraphs[0].tensors[index]
        constant = model.buffers[tensor.buffer].data is not None
        copy = schema.TensorT()
        vars(copy).update(vars(tensor))
        # A size that is open counts as one sample, which is what `shape` says.
        copy.shapeSignature = None
        copy.buffer = len(buffers) if constant else 0
        if constant:
            buffers.append(model.buffers[tensor.buffer])
        elif index in operator.inputs:
            inputs.append(len(tensors))
        renumbered[int(index)] = len(tensors)
        tensors.append(copy)
    single, graph, part = schema.OperatorT(), schema.SubGraphT(), schema.ModelT()
    vars(single).update(vars(operator))
    single.opcodeIndex = 0
    single.inputs = [renumbered[int(i)] for i in operator.inputs]
    single.outputs = [renumbered[int(i)] for i in operator.outputs]
    graph.tensors, graph.operators = tensors, [single]
    graph.inputs, graph.outputs = inputs, single.outputs
    part.version, part.subgraphs, part.buffers = model.version, [graph], buffers
    part.operatorCodes = [model.operatorCodes[operator.opcodeIndex]]
    return packed_model(part)


def _opened(content: bytes, threads: int) -> Any:
    """An interpreter, or `None` for an operator that needs no computation at run time."""
    interpreter = open_interpreter(content, threads)
    if not interpreter.get_input_details():
        return None
    interpreter.allocate_tensors()
    return interpreter


def feeder(interpreter: Any) -> Callable[[], None]:
    """A function that brings an interpreter's inputs and outputs near the processor.

    There they are within a network: the operator before has just written the ones, and the others
    lie where earlier ones were. Nothing else is touched, such as copies, which would push them
    out again.

    Args:
        interpreter: One whose tensors are allocated.
    """
    details = [*interpreter.get_output_details(), *interpreter.get_input_details()]
    tensors = [interpreter.tensor(detail["index"]) for detail in details]

    def feed() -> None:
        for tensor in tensors:
            # The view must be gone before the interpreter runs.
            tensor().fill(0)

    return feed


def _kind(model: Any, operator: Any) -> str:
    from ai_edge_litert import schema_py_generated as schema

    code = model.operatorCodes[operator.opcodeIndex]
    number = max(code.builtinCode, code.deprecatedBuiltinCode)
    names = {value: name for name, value in vars(schema.BuiltinOperator).items()}
    return names.get(number, str(number))


def _readable(name: bytes) -> str:
    """The last of the layers that were fused, without the converter's additions."""
    paths = [part for part in name.decode("utf-8", "replace").split(";") if part]
    parts = (paths[0] if paths else "").split("/")
    return parts[1] if len(parts) > 2 else parts[-1]
