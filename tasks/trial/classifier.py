"""What a page has to know about a LiteRT file before it can run it."""

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from ccm_tf.files import PathLike
from ccm_tf.litert_file import open_interpreter, signature
from ccm_tf.litert_metadata import packed_model, tflite_metadata, unpacked_model
from tasks.compression.scales import SCALES


@dataclasses.dataclass(frozen=True)
class Classifier:
    """A LiteRT file that tells images apart.

    Attributes:
        path: The file.
        title: What people call it.
        shape: Height, width and channels of its input.
        outputs: Number of its outputs.
        ending: "softmax" or "sigmoid" if it returns probabilities, `None` for logits.
        multiply: What the pixels of each channel, 0 to 255, are multiplied by.
        add: What is added then.
        bgr: Whether blue comes first.
        labels: Names of the classes, where the file says them.
        quantize: How its numbers are written, where the file says so.
    """

    path: pathlib.Path
    title: str
    shape: tuple[int, int, int]
    outputs: int
    ending: str | None
    multiply: tuple[float, ...]
    add: tuple[float, ...]
    bgr: bool
    labels: tuple[str, ...] | None
    quantize: str | None

    @property
    def classes(self) -> int:
        """Number of classes that are told apart."""
        return 2 if self.outputs == 1 else self.outputs


def read(path: PathLike, title: str = "", scale: str = "") -> Classifier:
    """Reads what a file says about itself.

    Args:
        path: A `.tflite` file.
        title: What people call it. Defaults to its name.
        scale: Name of a scale of `tasks.compression.scales` for files that do not say how pixels
            become inputs.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not a LiteRT model, or not one that a page can feed with an image and
            read classes from.
    """
    path = pathlib.Path(path)
    inputs, outputs = signature(open_interpreter(path))
    about = tflite_metadata(path)
    shape, width = _shapes(path, inputs, outputs)
    scaling = about.get("input_scaling")
    if scaling is None:
        scaling = _named(path, scale)
    multiply, add = _factors(path, scaling, shape[2])
    labels = about.get("labels")
    return Classifier(
        path=path,
        title=title or path.stem,
        shape=shape,
        outputs=width,
        ending=_ending(path),
        multiply=multiply,
        add=add,
        bgr=bool(scaling.get("bgr")),
        labels=None if labels is None else tuple(map(str, labels)),
        quantize=about.get("quantize"),
    )


def for_one_image(path: PathLike) -> bytes:
    """The content of a file with its batch size fixed to 1, if it was open.

    LiteRT's runtime for browsers cannot resize inputs.

    Args:
        path: A `.tflite` file.
    """
    model = unpacked_model(path)
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            # What `shape` says has one sample for the batch size that is open.
            tensor.shapeSignature = None
    return packed_model(model)


def _shapes(
    path: pathlib.Path, inputs: Mapping[str, Any], outputs: Mapping[str, Any]
) -> tuple[tuple[int, int, int], int]:
    """Shape of an image, and the number of outputs."""
    found = [
        [(tuple(map(int, d["shape_signature"])), np.dtype(d["dtype"]).name) for d in side.values()]
        for side in (inputs, outputs)
    ]
    (image, kind), (result, other) = found[0][0], found[1][0]
    fits = [len(side) for side in found] == [1, 1] and (kind, other) == ("float32", "float32")
    fits = fits and len(image) == 4 and image[0] in (-1, 1) and min(image[1:]) > 0
    if not fits or image[3] not in (1, 3) or len(result) != 2 or result[1] < 1:
        raise ValueError(
            f"'{path}' takes {_said(found[0])} and returns {_said(found[1])}. The page needs one "
            "float32 input (batch, height, width, 1 or 3) with an open batch size or 1, and one "
            "float32 output (batch, classes)."
        )
    return (image[1], image[2], image[3]), result[1]


def _said(side: list[tuple[tuple[int, ...], str]]) -> str:
    return ", ".join(f"{kind} {shape}" for shape, kind in side)


def _named(path: pathlib.Path, scale: str) -> dict[str, Any]:
    if not scale:
        raise ValueError(
            f"'{path}' does not say how pixels become inputs. Export it with "
            "ExportOptions(input_scaling=…), or pass --scale, one of " + ", ".join(SCALES) + "."
        )
    if scale not in SCALES:
        raise ValueError(f"--scale must be one of {', '.join(SCALES)}. Received: --scale={scale}")
    mean, std, bgr, _ = SCALES[scale]
    return {"scale": 1 / 255, "mean": mean, "std": std, "bgr": bgr}


def _factors(
    path: pathlib.Path, scaling: Mapping[str, Any], channels: int
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """(pixel * scale - mean) / std as one multiplication and one addition for each channel."""
    try:
        scale, mean, std = (
            np.broadcast_to(np.asarray(scaling.get(key, default), "float64"), (channels,))
            for key, default in (("scale", 1.0), ("mean", 0.0), ("std", 1.0))
        )
        multiply, add = scale / std, -mean / std
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(
            f"The input scaling in '{path}' cannot be read. Expected numbers 'scale', 'mean' and "
            f"'std', one or one for each of {channels} channels, and 'bgr'. Received: {scaling!r}"
        ) from error
    return tuple(multiply.tolist()), tuple(add.tolist())


def _ending(path: pathlib.Path) -> str | None:
    """The activation that makes the output."""
    from ai_edge_litert import schema_py_generated as schema

    kinds = schema.BuiltinOperator
    model = unpacked_model(path)
    graph = model.subgraphs[0]
    makers = {int(index): op for op in graph.operators for index in op.outputs}
    index = int(graph.outputs[0])
    while index in makers:
        operator = makers[index]
        code = model.operatorCodes[operator.opcodeIndex]
        kind = max(code.builtinCode, code.deprecatedBuiltinCode)
        if kind in (kinds.SOFTMAX, kinds.LOGISTIC):
            return "softmax" if kind == kinds.SOFTMAX else "sigmoid"
        # Back to float, or to another shape.
        if kind not in (kinds.DEQUANTIZE, kinds.QUANTIZE, kinds.RESHAPE):
            return None
        index = int(operator.inputs[0])
    return None
