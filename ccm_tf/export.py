"""Exporting a Keras model to files that are checked on the spot."""

import dataclasses
import os
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras

from ccm_tf.base_plan import BasePlan
from ccm_tf.conversion import convert
from ccm_tf.conversion.agreement import Agreement, agreement
from ccm_tf.conversion.float32 import in_float32
from ccm_tf.conversion.formats import FORMATS, write
from ccm_tf.conversion.heads import with_batch_size, with_output_names, with_softmax
from ccm_tf.conversion.quantization import Quantization, get_quantization
from ccm_tf.conversion.samples import Named, cut, random_batches, real_samples
from ccm_tf.files import atomic_path
from ccm_tf.graph.trace import functional_view
from ccm_tf.litert import LiteRTModel
from ccm_tf.litert_metadata import write_metadata


@dataclasses.dataclass(frozen=True)
class Export:
    """What `export_tflite` wrote.

    Attributes:
        path: The file.
        bytes: Its size.
        agreement: How far the file and the Keras model agree, on the calibration data if there
            were any, else on random input.
    """

    path: pathlib.Path
    bytes: int
    agreement: Agreement

    @property
    def max_difference(self) -> float:
        """Largest difference of an output, relative to the largest value of that output."""
        return self.agreement.max_difference


@dataclasses.dataclass(frozen=True)
class ExportOptions:
    """What a LiteRT file offers to those who run it.

    Attributes:
        batch_size: Fixes the batch size; `None` leaves it to the caller of the file. Some
            accelerators take fixed sizes only.
        softmax: Adds a softmax to a classifier that returns logits.
        signature: Name under which runtimes call the file.
        output_names: Names of the outputs in the signature, in the model's order; `None` for the
            model's own (`output_0`, … unless it returns a dict).
        labels: Names of the classes, in the order of the outputs.
        input_scaling: How pixels become inputs, in your own words; for example
            `{"scale": 1 / 255, "mean": [0.5], "std": [0.25]}`.
        plan: The plan that made the model; its fingerprint goes into the file.
    """

    batch_size: int | None = None
    softmax: bool = False
    signature: str = "serving_default"
    output_names: Sequence[str] | None = None
    labels: Sequence[str] | None = None
    input_scaling: Mapping[str, Any] | None = None
    plan: BasePlan | None = None

    def metadata(self) -> dict[str, Any]:
        """What `ccm_tf.tflite_metadata` will say of these options."""
        plan = self.plan
        return {
            "labels": None if self.labels is None else list(self.labels),
            "input_scaling": None if self.input_scaling is None else dict(self.input_scaling),
            "plan": plan and {"fingerprint": plan.fingerprint, "target": plan.target},
        }


def export_tflite(
    model: keras.Model,
    path: str | os.PathLike[str],
    *,
    quantize: str | None = None,
    calibration: Any = None,
    tolerance: float | None = None,
    options: ExportOptions | None = None,
) -> Export:
    """Writes a model as a LiteRT file and makes sure that the file computes the same.

    Converters can "succeed" with a file that returns nonsense. So the new file is run at once
    in LiteRT beside the Keras model; only if they agree does it take its place at `path`. Batch
    normalisation becomes part of the kernels. Models of mixed or half precision are exported in
    float32, the precision of their variables.

    Args:
        model: A built functional or sequential model, with any number of inputs and outputs.
        path: Where to write; must end in `.tflite`. A file that is there is replaced.
        quantize: How numbers are written: `None` (float32), `"float16"` (half the size),
            `"dynamic"` (8-bit weights), `"int8"` (8-bit weights and feature maps, fastest) or
            `"int16x8"` (8-bit weights, 16-bit feature maps). Inputs and outputs stay float32.
        calibration: Real inputs, prepared as for the model: an array, `(x, y)`, a
            `tf.data.Dataset`, a `keras.utils.PyDataset` or batches. The first 256 samples are
            used. Ranges are measured on them, which `"int8"` and `"int16x8"` need, and file and
            model are compared on them. Defaults to `None`: compared on random input.
        tolerance: Largest accepted difference, relative to the outputs. In float files it bounds
            the largest single difference, 1e-4 by default (1e-2 for `"float16"`); with 8-bit
            numbers the root mean square, 0.25 by default (0.1 for `"int16x8"`).
        options: An `ExportOptions`: batch size, softmax, names and metadata. Defaults to none.

    Returns:
        An `Export` with the path, the size and the agreement that was measured.

    Raises:
        ValueError: If the suffix is not `.tflite`, the model has no graph or itself returns NaN
            or infinity, calibration data are missing or do not fit, or options contradict the
            model.
        RuntimeError: If Keras does not run on TensorFlow, the model cannot be converted (the
            operation and its layer are named), or the file cannot be run or differs from the
            model. No file is left then.
        ImportError: If `ai-edge-litert` is not installed.
        OSError: If the file cannot be written.

    Example:

    ```python
    slim = ccm_tf.rewrite(model, plan)
    options = ccm_tf.ExportOptions(labels=["cat", "dog"], softmax=True, plan=plan)
    written = ccm_tf.export_tflite(
        slim, "slim.tflite", quantize="int8", calibration=images, options=options
    )
    print(written.bytes, written.agreement)
    ```
    """
    path, options = pathlib.Path(path), options or ExportOptions()
    quantization = _checked(path, quantize, calibration, tolerance)
    tolerance = quantization.tolerance if tolerance is None else tolerance
    # The plain view has an `input` in the caller's structure, which a Sequential has not.
    prepared = _prepared(in_float32(functional_view(model)), options)
    samples = None if calibration is None else real_samples(prepared, calibration)
    about = {**_about(model, quantize), **options.metadata()}
    with atomic_path(path) as temporary:
        feed = None if samples is None else lambda: cut(prepared, samples, 1)
        convert.convert(prepared, temporary, quantization, feed)
        write_metadata(temporary, about, options.signature)
        found = _compared(prepared, temporary, samples)
        difference = getattr(found, f"{quantization.measure}_difference")
        if not difference <= tolerance:
            raise RuntimeError(_refused(prepared, quantization, difference, tolerance))
        size = temporary.stat().st_size
    return Export(path, size, found)


def _checked(
    path: pathlib.Path, quantize: str | None, calibration: Any, tolerance: float | None
) -> Quantization:
    if path.suffix != ".tflite":
        raise ValueError(f"Expected a path that ends in '.tflite'. Received: '{path}'.")
    if tolerance is not None and not tolerance > 0:
        raise ValueError(f"Expected a tolerance above 0. Received: tolerance={tolerance}.")
    quantization = get_quantization(quantize, calibration)
    convert.require_tensorflow()
    return quantization


def _prepared(model: keras.Model, options: ExportOptions) -> keras.Model:
    """The model as it goes to the converter."""
    if options.softmax:
        model = with_softmax(model)
    if options.output_names is not None:
        model = with_output_names(model, options.output_names)
    if options.labels is not None:
        widths = [tensor.shape[-1] for tensor in model.outputs]
        if widths != [len(options.labels)]:
            raise ValueError(
                f"`labels` must name each of the model's classes. Received {len(options.labels)} "
                f"labels; the outputs of '{model.name}' have the widths {widths}."
            )
    return model if options.batch_size is None else with_batch_size(model, options.batch_size)


def _about(model: keras.Model, quantize: str | None) -> dict[str, Any]:
    from ccm_tf import __version__

    return {"ccm_tf": __version__, "model": model.name, "quantize": quantize}


def _compared(model: keras.Model, path: pathlib.Path, samples: Named | None) -> Agreement:
    inputs: Iterator[Named] = random_batches(model) if samples is None else cut(model, samples)
    batches = list(inputs)
    try:
        file = LiteRTModel(path)
        file(batches[0])
    except (ValueError, RuntimeError) as error:
        raise RuntimeError(
            f"Model '{model.name}' was converted, but LiteRT cannot run the file, so it was not "
            f"kept.{convert.open_sizes(model)} LiteRT said: {error}"
        ) from error
    return agreement(model, file, batches)


def _refused(
    model: keras.Model, quantization: Quantization, difference: float, tolerance: float
) -> str:
    measured = {
        "max": f"an output differs by {difference:.3g} of its largest value",
        "rms": f"the root mean square of the differences is {difference:.3g} of the outputs'",
    }[quantization.measure]
    return (
        f"The LiteRT conversion of model '{model.name}' computes something else than the model: "
        f"{measured}, more than the tolerance {tolerance:.3g}. No file was written."
    )


def export(
    model: keras.Model, path: str | os.PathLike[str], *, format: str | None = None, **settings: Any
) -> Export | pathlib.Path:
    """Writes a model in any format that Keras exports to, whole or not at all, and compares.

    Args:
        model: A built functional or sequential model.
        path: Where to write: `.tflite` for LiteRT, `.onnx`, `.xml` for OpenVINO (its
            weights go into `.bin` beside it), or a new folder for a SavedModel.
        format: `"litert"`, `"tf_saved_model"`, `"onnx"` or `"openvino"`, as `keras.Model.export`
            calls them. Defaults to what the path's suffix says.
        **settings: For LiteRT: the arguments of `ccm_tf.export_tflite`. For the others only
            `tolerance`, 1e-4 by default.

    Returns:
        For LiteRT the `Export` of `ccm_tf.export_tflite`; else the path.

    Raises:
        ValueError: If the format is unknown, or path and format contradict each other.
        FileExistsError: If a folder for a SavedModel is there already.
        ImportError: If a package is missing that Keras needs for the format.
        RuntimeError: If the model cannot be converted, or what was written differs from it where
            that can be checked: SavedModel and OpenVINO always, ONNX with `onnxruntime`.
        OSError: If it cannot be written.

    Example:

    ```python
    ccm_tf.export(slim, "slim.tflite", quantize="float16")
    ccm_tf.export(slim, "slim_saved_model")
    ccm_tf.export(slim, "slim.onnx")
    ```
    """
    path = pathlib.Path(path)
    suffixes = {".tflite": "litert", **{kind.suffix: name for name, kind in FORMATS.items()}}
    format = suffixes.get(path.suffix) if format is None else format
    if format == "litert":
        return export_tflite(model, path, **settings)
    if format not in FORMATS:
        known = ", ".join(repr(name) for name in ("litert", *FORMATS))
        raise ValueError(
            f"Expected a path whose suffix says the format, or `format`, one of {known}. "
            f"Received: path='{path}', format={format!r}."
        )
    tolerance = settings.pop("tolerance", 1e-4)
    if settings:
        raise ValueError(
            f"{FORMATS[format].about} takes no {', '.join(settings)}; these are for LiteRT files."
        )
    write(in_float32(functional_view(model)), path, format, tolerance)
    return path
