"""What a LiteRT file says about itself: labels, scaling of inputs, the plan."""

import json
import os
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

_NAME = b"ccm_tf"
_IDENTIFIER = b"TFL3"


def tflite_metadata(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Reads what `ccm_tf.export_tflite` wrote into a LiteRT file besides the model.

    A file that is handed on alone should still say what its outputs mean and how images have to
    be scaled for it. TensorFlow is not needed to read it.

    Args:
        path: A `.tflite` file.

    Returns:
        A dict with `labels` (list, or `None`), `input_scaling` (dict, or `None`), `plan` (dict
        with the plan's `fingerprint` and `target`, or `None`), `quantize`, `model` (name of the
        Keras model) and `ccm_tf` (version); empty if the file has no such entry.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not a LiteRT model.
        ImportError: If `ai-edge-litert` is not installed.

    Example:

    ```python
    label = ccm_tf.tflite_metadata("slim.tflite")["labels"][probabilities.argmax()]
    ```
    """
    schema = _schema()
    content = _content(path)
    try:
        model = schema.Model.GetRootAs(content, 0)
        for number in range(model.MetadataLength()):
            entry = model.Metadata(number)
            if entry.Name() == _NAME:
                data = model.Buffers(entry.Buffer()).DataAsNumpy()
                return json.loads(bytes(data).decode("utf-8"))
    except Exception as error:  # A damaged file breaks the reader anywhere.
        raise ValueError(f"'{path}' is damaged: its metadata cannot be read.") from error
    return {}


def write_metadata(
    path: pathlib.Path, metadata: Mapping[str, Any], signature: str | None = None
) -> None:
    """Puts metadata into a LiteRT file, in place.

    Args:
        path: A `.tflite` file.
        metadata: Plain values, for JSON.
        signature: New name of the file's one signature. Defaults to the old one.
    """
    schema = _schema()
    model = unpacked_model(path)
    buffer, entry = schema.BufferT(), schema.MetadataT()
    buffer.data = np.frombuffer(json.dumps(metadata).encode("utf-8"), np.uint8)
    model.buffers.append(buffer)
    entry.name, entry.buffer = _NAME, len(model.buffers) - 1
    model.metadata = [m for m in model.metadata or [] if m.name != _NAME] + [entry]
    if signature is not None:
        for definition in model.signatureDefs or []:
            definition.signatureKey = signature.encode("utf-8")
    path.write_bytes(packed_model(model))


def unpacked_model(path: str | os.PathLike[str]) -> Any:
    """The content of a LiteRT file as a `ModelT` of LiteRT's schema.

    Args:
        path: A `.tflite` file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not a LiteRT model.
    """
    schema = _schema()
    return schema.ModelT.InitFromObj(schema.Model.GetRootAs(_content(path), 0))


def packed_model(model: Any) -> bytes:
    """The content of a file for a `ModelT`."""
    import flatbuffers

    builder = flatbuffers.Builder(4096)
    builder.Finish(model.Pack(builder), _IDENTIFIER)
    return bytes(builder.Output())


def _schema() -> Any:
    try:
        from ai_edge_litert import schema_py_generated
    except ImportError as error:
        raise ImportError(
            "Reading LiteRT files needs `ai-edge-litert`: pip install 'ccm-tf[litert]'."
        ) from error
    return schema_py_generated


def _content(path: str | os.PathLike[str]) -> bytes:
    content = pathlib.Path(path).read_bytes()
    if content[4:8] != _IDENTIFIER:
        raise ValueError(f"'{path}' is not a LiteRT model.")
    return content
