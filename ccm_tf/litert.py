"""Running LiteRT (.tflite) files: outputs for a data set, and latency."""

import itertools
import os
import pathlib
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ccm_tf.latency.timing import SETTLE, interleaved
from ccm_tf.litert_file import open_interpreter, signature
from ccm_tf.litert_inputs import Inputs, by_name, fitted, one_sample
from ccm_tf.terminal import captured_output

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
        input_names: Names of the inputs: those of the Keras model's input tensors.
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
        self._interpreter = open_interpreter(path, threads)
        self.bytes = self.path.stat().st_size
        self._inputs, self._outputs = signature(self._interpreter)
        self.input_names = tuple(self._inputs)
        self.output_names = tuple(self._outputs)
        self._shapes: dict[str, tuple[int, ...]] = {}

    @property
    def signature_name(self) -> str | None:
        """The name under which runtimes call the file, `None` if it has none or several."""
        names = list(self._interpreter.get_signature_list())
        return names[0] if len(names) == 1 else None

    def __call__(self, inputs: Inputs) -> Outputs:
        """Runs one batch.

        Args:
            inputs: An array of shape (batch, …) for a model with one input, else a dict by name.
                Integers become floats where the file wants floats, never the other way round.

        Returns:
            An array of shape (batch, …) for a model with one output, else a dict by name.

        Raises:
            ValueError: If the inputs do not fit the file.
        """
        self._set(self.arrays(inputs))
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
        return statistics.median(self.times(runs, warm_up, inputs))

    def times(self, runs: int = 50, warm_up: int = 5, inputs: Inputs | None = None) -> list[float]:
        """The single times of which `latency` is the median.

        Args:
            runs: As for `latency`.
            warm_up: As for `latency`.
            inputs: As for `latency`.

        Returns:
            Milliseconds, one number per timed call.
        """
        if runs < 1:
            raise ValueError(f"Expected at least one run. Received: runs={runs}.")
        self.prepare(inputs)
        ((times,),) = interleaved([self.invoke], runs, 1, warm_up)
        return [spent.wall for spent in times]

    def prepare(self, inputs: Inputs | None = None) -> None:
        """Puts inputs in place for `invoke`.

        Args:
            inputs: A batch, as for a call. Defaults to one random sample.

        Raises:
            ValueError: If the inputs do not fit, or there are none and sizes are open.
        """
        self._set(self._noise() if inputs is None else self.arrays(inputs))

    def invoke(self) -> None:
        """Computes, and nothing else: what is timed."""
        self._interpreter.invoke()

    @property
    def batch_size(self) -> int | None:
        """The batch size that the file is fixed to, or `None` if any will do."""
        sizes = {int(detail["shape_signature"][0]) for detail in self._inputs.values()}
        fixed = sizes - {-1}
        return min(fixed) if fixed else None

    def arrays(self, inputs: Inputs) -> dict[str, np.ndarray]:
        """Inputs as the file wants them.

        Args:
            inputs: As for a call.

        Returns:
            The inputs by name, in the file's dtypes.

        Raises:
            ValueError: If they do not fit the file.
        """
        values = by_name(inputs, self.input_names)
        return {name: fitted(value, name, self._inputs[name]) for name, value in values.items()}

    def _noise(self) -> dict[str, np.ndarray]:
        return {name: one_sample(name, detail) for name, detail in self._inputs.items()}

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
        inputs: All samples, as for `LiteRTModel`: an array of shape (samples, …) or a dict of
            them.
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
    return run_model(LiteRTModel(path, threads or os.cpu_count() or 1), inputs, batch_size)


def run_model(model: LiteRTModel, inputs: Inputs, batch_size: int = 64) -> Any:
    """Runs an open LiteRT file over all samples, as `run_tflite` does.

    Args:
        model: The file.
        inputs: All samples.
        batch_size: Samples per call; a file with a fixed batch size overrules it, and its last
            batch is filled up with copies of the last sample, whose results are dropped.

    Returns:
        The outputs for all samples; a dict by name if there are several.

    Raises:
        ValueError: As `run_tflite`.
    """
    values = {name: np.asarray(value) for name, value in by_name(inputs, model.input_names).items()}
    lengths = {len(value) if value.shape else 0 for value in values.values()}
    if len(lengths) != 1 or 0 in lengths or batch_size < 1:
        raise ValueError(
            "Expected at least one sample, the same number in every input, and batch_size >= 1. "
            f"Received: {sorted(lengths)} samples, batch_size={batch_size}."
        )
    count, step = lengths.pop(), model.batch_size or batch_size
    parts: list[Any] = []
    for start in range(0, count, step):
        batch = {name: value[start : start + step] for name, value in values.items()}
        if model.batch_size:
            batch = {name: _filled(value, step) for name, value in batch.items()}
        parts.append(model(batch))
    if isinstance(parts[0], dict):
        return {name: np.concatenate([part[name] for part in parts])[:count] for name in parts[0]}
    return np.concatenate(parts)[:count]


def _filled(batch: np.ndarray, size: int) -> np.ndarray:
    return np.concatenate([batch, np.repeat(batch[-1:], size - len(batch), axis=0)])


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
    models = [LiteRTModel(path, threads) for path in paths]
    for model in models:
        model.prepare()
    times = interleaved([model.invoke for model in models], runs, rounds, settle=SETTLE)
    return [statistics.median(spent.wall for spent in itertools.chain(*turns)) for turns in times]
