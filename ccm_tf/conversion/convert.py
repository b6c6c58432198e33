"""Keras's LiteRT conversion, quietly, with errors that name the layer."""

import pathlib
import re
import warnings
from typing import Any

import keras

from ccm_tf.conversion.quantization import Feed, Quantization
from ccm_tf.conversion.samples import batch_size
from ccm_tf.terminal import captured_output

# In a converter's message: the operation, and the path of the call that made it.
_OPERATION = re.compile(r"'?tf\.(\w+)'? op is neither a custom op nor a flex op")
_LOCATION = re.compile(r'fused\["\w+:", "([^"@]+)@')


def require_tensorflow() -> None:
    """Raises a `RuntimeError` if Keras runs on another backend."""
    backend = keras.backend.backend()
    if backend != "tensorflow":
        raise RuntimeError(
            f"LiteRT export needs Keras on TensorFlow; it runs on {backend} here. Save the model "
            "with `model.save('model.keras')`, load it in a process started with "
            "KERAS_BACKEND=tensorflow, and export it there."
        )


def convert(
    model: keras.Model,
    path: pathlib.Path,
    quantization: Quantization,
    feed: Feed | None = None,
) -> None:
    """Writes a LiteRT file, unchecked.

    Args:
        model: A functional model.
        path: The file to write.
        quantization: How numbers are written.
        feed: Function that yields calibration inputs by name, where `quantization` needs them.

    Raises:
        RuntimeError: If the model cannot be converted; the message names the operation and the
            layer if the converter does.
        OSError: If the file cannot be written.
    """
    import tensorflow as tf

    # Its handler keeps the stream that it first sees, which must not be the captured one.
    tf.get_logger()
    options = quantization.settings(tf, feed)
    # Keras's own signature would open a batch size that the model fixes.
    signature = keras.tree.map_structure(_specification, model.input)
    try:
        with captured_output(), warnings.catch_warnings():
            # The calibration runs on TensorFlow's own, deprecated interpreter.
            warnings.simplefilter("ignore", UserWarning)
            model.export(
                str(path), format="litert", verbose=False, input_signature=[signature], **options
            )
    except OSError:
        raise
    except Exception as error:  # The converter raises whatever it likes.
        raise RuntimeError(_sentence(model, str(error))) from error


def _specification(tensor: Any) -> keras.InputSpec:
    return keras.InputSpec(shape=tensor.shape, dtype=tensor.dtype, name=tensor.name)


def open_sizes(model: keras.Model) -> str:
    """A sentence about sizes that a model leaves open, empty if there are none but batches."""
    opened = {
        tensor.name: tuple(tensor.shape)
        for tensor in model.inputs
        if any(size is None for size in tensor.shape[1:])
    }
    if not opened:
        return "" if batch_size(model) else _OPEN_BATCH
    return (
        f" The model leaves sizes open: {opened}. LiteRT cannot take that everywhere: build the "
        "model for the size that it will run at."
    )


_OPEN_BATCH = (
    " If the reason is a size that is not known: the batch size is open, and "
    "options=ccm_tf.ExportOptions(batch_size=1) fixes it."
)


def _sentence(model: keras.Model, text: str) -> str:
    operations = list(dict.fromkeys(_OPERATION.findall(text)))
    if operations:
        layers = list(dict.fromkeys(_layer(model, path) for path in _LOCATION.findall(text)))
        made = [layer for layer in layers if layer]
        where = f", which {_listed(made)} uses" if made else ""
        return (
            f"Model '{model.name}' cannot be converted to LiteRT, which has no operation for "
            f"TensorFlow's {', '.join(operations)}{where}. Replace that layer, or write it with "
            "operations that LiteRT has."
        )
    reason = " ".join(text.split())
    return (
        f"Model '{model.name}' cannot be converted to LiteRT.{open_sizes(model)} The converter "
        f"said: {reason[:600]}"
    )


def _listed(names: list[str]) -> str:
    return ("layers " if len(names) > 1 else "layer ") + ", ".join(f"'{n}'" for n in names)


def _layer(model: keras.Model, path: str) -> str | None:
    """The layer in whose call an operation was made: the longest name among the path's parts."""
    # A part is a layer's name, perhaps with the number of its call.
    parts = {form for part in path.split("/") for form in (part, re.sub(r"_\d+$", "", part))}
    found = [op.name for op in model.operations if op.name in parts]
    return max(found, key=len, default=None)
