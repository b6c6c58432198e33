"""Running LiteRT (.tflite) files: outputs for a data set, and latency."""

import errno
import os
import pathlib
import re
import statistics
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ccm_tf.terminal import captured_output

Inputs = np.ndarray | Sequence[np.ndarray] | Mapping[str, np.ndarray]
Outputs = np.ndarray | dict[str, np.ndarray]


class LiteRTModel:
    """A LiteRT file, loaded and ready to be called.

    What leaves the training framework is this file, so its outputs and its speed are what counts
    in the end; this class gives both without TensorFlow.

    Args:
        path: A `.tflite` file.
        threads: How many threads compute. Defaults to 1, the setting in which latencies can be
            compared.

    Attributes:
        path: The file.
        bytes: Its size.
        input_names: Names of the inputs, in the file's order.
        output_names: Names of the outputs: the keys of the Keras model's output dict, or
            `output_0`, `output_1`, … in its order.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not a LiteRT model.
        ImportError: If `ai-edge-litert` is not installed.

    Example:

    ```python
    model = LiteRTModel("model.tflite")
    probabilities = model(images[:8])
    print(model.latency(), "ms")
    ```
    """

    def __init__(self, path: str | os.PathLike[str], threads: int = 1):
        self.path = pathlib.Path(path)
        if threads < 1:
            raise ValueError(f"Expected at least one thread. Received: threads={threads}.")
        if not self.path.is_file():
            raise FileNotFoundError(errno.ENOENT, "There is no such LiteRT file", str(path))
        self.bytes = self.path.stat().st_size
        self._interpreter = _open(self.path, threads)
        self._inputs, self._outputs = _signature(self._interpreter)
        self.input_names = tuple(self._inputs)
        self.output_names = tuple(self._outputs)
        self._shapes: dict[str, tuple[int, ...]] = {}

    def __call__(self, inputs: Inputs) -> Outputs:
        """Runs one batch.

        Args:
            inputs: An array of shape (batch, …) for a model with one input; else a list in the
                order of `input_names`, or a dict by name. Integers become floats where the file
                wants floats, never the other way round.

        Returns:
            An array of shape (batch, …) for a model with one output, else a dict by name.

        Raises:
            ValueError: If the inputs do not fit the file.
        """
        self._set(self._by_name(inputs))
        self._interpreter.invoke()
        outputs = {
            name: self._interpreter.get_tensor(detail["index"])
            for name, detail in self._outputs.items()
        }
        return outputs if len(outputs) > 1 else outputs[self.output_names[0]]

    def latency(self, runs: int = 50, warm_up: int = 5, inputs: Inputs | None = None) -> float:
        """Median time of one call, in milliseconds.

        Copying the inputs in and the result out is not counted. To rank several files use
        `latencies`, which takes turns between them: a machine's speed drifts.

        Args:
            runs: How many calls are timed. Defaults to 50.
            warm_up: How many calls go before them, untimed. Defaults to 5.
            inputs: The batch to time, as for a call. Defaults to one random sample.

        Returns:
            Milliseconds.

        Raises:
            ValueError: If the file leaves sizes open (of images, say) and `inputs` is missing.
        """
        if runs < 1:
            raise ValueError(f"Expected at least one run. Received: runs={runs}.")
        self._set(self._noise() if inputs is None else self._by_name(inputs))
        for _ in range(warm_up):
            self._interpreter.invoke()
        return statistics.median(self._times(runs))

    @property
    def batch_size(self) -> int | None:
        """The batch size that the file is fixed to, or `None` if any will do."""
        sizes = {int(detail["shape_signature"][0]) for detail in self._inputs.values()}
        fixed = sizes - {-1}
        return min(fixed) if fixed else None

    def _times(self, runs: int) -> list[float]:
        times = []
        for _ in range(runs):
            start = time.perf_counter()
            self._interpreter.invoke()
            times.append(1e3 * (time.perf_counter() - start))
        return times

    def _by_name(self, inputs: Inputs) -> dict[str, np.ndarray]:
        values: dict[str, Any] = {}
        if isinstance(inputs, Mapping):
            values = dict(inputs)
        elif isinstance(inputs, (list, tuple)) and len(inputs) == len(self.input_names):
            values = dict(zip(self.input_names, inputs, strict=True))
        elif len(self.input_names) == 1 and not isinstance(inputs, (list, tuple)):
            values = {self.input_names[0]: inputs}
        if set(values) != set(self.input_names):
            received = sorted(values) if isinstance(inputs, Mapping) else type(inputs).__name__
            raise ValueError(
                f"'{self.path}' has the inputs {list(self.input_names)}. Expected a dict with "
                f"these keys, or a list of {len(self.input_names)} in this order. "
                f"Received: {received}."
            )
        return {name: self._fitted(name, value) for name, value in values.items()}

    def _fitted(self, name: str, value: Any) -> np.ndarray:
        detail, array = self._inputs[name], np.asarray(value)
        expected = [None if size < 0 else int(size) for size in detail["shape_signature"]]
        if len(array.shape) != len(expected) or any(
            want not in (None, size) for want, size in zip(expected, array.shape, strict=True)
        ):
            raise ValueError(
                f"Input '{name}' of '{self.path}' has shape {tuple(expected)}. "
                f"Received an array of shape {array.shape}."
            )
        if not np.can_cast(array.dtype, detail["dtype"], "same_kind"):
            raise ValueError(
                f"Input '{name}' of '{self.path}' is {np.dtype(detail['dtype'])}. Received an "
                f"array of {array.dtype}; convert it first, as rounding is your decision."
            )
        return array.astype(detail["dtype"])

    def _noise(self) -> dict[str, np.ndarray]:
        """One random sample."""
        generator, values = np.random.default_rng(0), {}
        for name, detail in self._inputs.items():
            sizes = [int(size) for size in detail["shape_signature"]]
            if min(sizes[1:], default=1) < 0:
                raise ValueError(
                    f"Input '{name}' of '{self.path}' has the open shape {tuple(sizes)}, so there "
                    "is no sample to time. Pass `inputs`."
                )
            sizes[0] = max(1, sizes[0])
            floating = np.issubdtype(detail["dtype"], np.floating)
            noise = generator.standard_normal(sizes) if floating else np.ones(sizes)
            values[name] = noise.astype(detail["dtype"])
        return values

    def _set(self, values: Mapping[str, np.ndarray]) -> None:
        shapes = {name: value.shape for name, value in values.items()}
        if shapes != self._shapes:
            # Forgotten first: where allocating fails, the next call has to allocate again.
            self._shapes = {}
            for name, shape in shapes.items():
                self._interpreter.resize_tensor_input(self._inputs[name]["index"], shape)
            try:
                # The first allocation in a process says which delegate it made.
                with captured_output():
                    self._interpreter.allocate_tensors()
            except RuntimeError as error:
                raise ValueError(
                    f"'{self.path}' cannot run on inputs of shapes {shapes}: {error}"
                ) from error
            self._shapes = shapes
        for name, value in values.items():
            self._interpreter.set_tensor(self._inputs[name]["index"], value)


def run_tflite(
    path: str | os.PathLike[str],
    inputs: Inputs,
    batch_size: int = 64,
    threads: int | None = None,
) -> Outputs:
    """Runs a LiteRT file over a data set.

    Args:
        path: A `.tflite` file.
        inputs: All samples, as for `LiteRTModel`: an array of shape (samples, …), or a list or
            dict of them.
        batch_size: Samples per call. Defaults to 64; a file with a fixed batch size overrules it.
        threads: How many threads compute. Defaults to all of the machine's.

    Returns:
        The outputs for all samples, of shape (samples, …); a dict of them by name if the model
        has several outputs.

    Raises:
        ValueError: If the inputs do not fit the file, are empty, or differ in length.

    Example:

    ```python
    accuracy = np.mean(run_tflite("model.tflite", images).argmax(-1) == labels)
    ```
    """
    model = LiteRTModel(path, threads or os.cpu_count() or 1)
    values = model._by_name(inputs)
    lengths = {len(value) for value in values.values()}
    if len(lengths) != 1 or 0 in lengths or batch_size < 1:
        raise ValueError(
            "Expected at least one sample, the same number in every input, and batch_size >= 1. "
            f"Received: {sorted(lengths)} samples, batch_size={batch_size}."
        )
    step = model.batch_size or batch_size
    parts: list[Any] = [
        model({name: value[start : start + step] for name, value in values.items()})
        for start in range(0, lengths.pop(), step)
    ]
    if isinstance(parts[0], dict):
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return np.concatenate(parts)


def latencies(
    paths: Sequence[str | os.PathLike[str]], runs: int = 50, rounds: int = 5, threads: int = 1
) -> list[float]:
    """Median latency of several LiteRT files, measured in turns.

    A machine's speed drifts by more than what two files may differ by, so the files take turns:
    what slows the machine down slows all of them down.

    Args:
        paths: `.tflite` files.
        runs: Timed calls per file in all, spread over the rounds. Defaults to 50.
        rounds: How many turns each file gets. Defaults to 5.
        threads: How many threads compute. Defaults to 1.

    Returns:
        Milliseconds per call on a single sample, one per file.
    """
    if rounds < 1 or runs < rounds:
        raise ValueError(f"Expected runs >= rounds >= 1. Received: runs={runs}, rounds={rounds}.")
    models = [LiteRTModel(path, threads) for path in paths]
    times: list[list[float]] = [[] for _ in models]
    for _ in range(rounds):
        for model, seen in zip(models, times, strict=True):
            model.latency(runs=1)
            seen += model._times(-(-runs // rounds))
    return [statistics.median(seen) for seen in times]


def _open(path: pathlib.Path, threads: int) -> Any:
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise ImportError(
            "Running LiteRT files needs `ai-edge-litert`: pip install 'ccm-tf[litert]'."
        ) from error
    try:
        with captured_output():
            interpreter = Interpreter(str(path), num_threads=threads)
    except (RuntimeError, ValueError) as error:
        raise ValueError(f"'{path}' cannot be run as a LiteRT model: {error}") from error
    return interpreter


def _signature(interpreter: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Input and output details by the names that the file gives them."""
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    if len(interpreter.get_signature_list()) != 1:
        return {d["name"]: d for d in inputs}, {d["name"]: d for d in outputs}
    runner = interpreter.get_signature_runner()
    positions = [detail["index"] for detail in inputs]
    ordered = sorted(
        runner.get_input_details().items(), key=lambda item: positions.index(item[1]["index"])
    )
    return dict(ordered), dict(
        sorted(runner.get_output_details().items(), key=lambda item: _natural(item[0]))
    )


def _natural(name: str) -> list[Any]:
    """A sort key that puts `output_10` after `output_9`."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]
