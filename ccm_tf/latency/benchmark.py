"""How long models take, measured in turns."""

import dataclasses
import os
import pathlib
import tempfile
from collections.abc import Sequence
from typing import Any, TypeAlias

import keras

from ccm_tf.export import export_tflite
from ccm_tf.latency.slices import LayerLatency, layer_latencies
from ccm_tf.latency.subjects import Subject, keras_subject, litert_subject
from ccm_tf.latency.timing import SETTLE, Latency, Spent, interleaved

Timed: TypeAlias = keras.Model | str | os.PathLike[str]

_ROUNDS = 10


@dataclasses.dataclass(frozen=True)
class Benchmark:
    """What `benchmark_latency` measured. Printing it shows a table.

    Attributes:
        rows: A `Latency` for each model and runtime, those of the first model first.
        threads: How many threads LiteRT used.
        layers: Operators of the first model's LiteRT file by themselves, if asked for.
    """

    rows: tuple[Latency, ...]
    threads: int
    layers: tuple[LayerLatency, ...] = ()

    @property
    def median_ms(self) -> float:
        """Median of the first row."""
        return self.rows[0].median_ms

    def as_dict(self) -> dict[str, Any]:
        """The figures as plain values, for JSON."""
        rows = [
            {**row.as_dict(), "times_first": self.rows[0].times_faster_than(row)}
            for row in self.rows
        ]
        layers = [dataclasses.asdict(layer) for layer in self.layers]
        return {"threads": self.threads, "rows": rows, "layers": layers}

    def __str__(self) -> str:
        times = ("median ms", "middle half", "least ms", "processor ms")
        head = ("model", "runtime", *times, "× first")
        cells = [
            (
                row.name,
                row.runtime,
                f"{row.median_ms:.3f}",
                "{:.3f}–{:.3f}".format(*row.quartiles_ms),
                f"{row.min_ms:.3f}",
                "" if row.processor_ms is None else f"{row.processor_ms:.3f}",
                f"{self.rows[0].times_faster_than(row):.2f}",
            )
            for row in self.rows
        ]
        lines = _aligned([head, *cells])
        if self.layers:
            total = sum(layer.milliseconds for layer in self.layers)
            rows = [
                (
                    layer.name,
                    layer.kind,
                    str(layer.output_shape),
                    f"{layer.milliseconds:.4f}",
                    f"{100 * layer.milliseconds / total:.1f}",
                )
                for layer in self.layers
            ]
            lines += ["", *_aligned([("layer", "operator", "output", "ms alone", "%"), *rows])]
        return "\n".join(lines)


def benchmark_latency(
    model_or_file: Timed,
    *,
    threads: int = 1,
    runs: int = 50,
    against: Timed | Sequence[Timed] = (),
    layers: bool = False,
) -> Benchmark:
    """Measures how long models take for one sample.

    A `.tflite` file is timed in LiteRT (with XNNPACK on CPUs). A Keras model is timed in Keras
    and, where Keras runs on TensorFlow, as a LiteRT file too. All are warmed up and take turns,
    so that a machine whose speed drifts is fair to all of them; the first calls of a turn are not
    counted, for which the others have emptied the caches.

    Args:
        model_or_file: A Keras model or a `.tflite` file.
        threads: How many threads LiteRT may use. Defaults to 1.
        runs: Timed calls of each. Defaults to 50.
        against: One or several others to measure in the same turns.
        layers: Also times every operator of the first one's LiteRT file by itself. Defaults to
            `False`.

    Returns:
        A `Benchmark`: median, quartiles and least time of each; and where one thread computes
        alone, the time that the processor spent on it, which is what an idle machine takes.

    Raises:
        FileNotFoundError: If a file does not exist.
        ValueError: If a file is damaged or is no LiteRT model, sizes are left open, or a number
            makes no sense.
        RuntimeError: If a Keras model cannot be converted.
        ImportError: If `ai-edge-litert` is not installed.

    Example:

    ```python
    print(ccm_tf.benchmark_latency("slim.tflite", against="dense.tflite", layers=True))
    ```
    """
    others = [against] if isinstance(against, (str, os.PathLike, keras.Model)) else list(against)
    if threads < 1 or runs < 1:
        raise ValueError(f"Expected threads >= 1, runs >= 1. Received: {threads=}, {runs=}.")
    with tempfile.TemporaryDirectory() as folder:
        subjects, files = [], []
        for number, timed in enumerate([model_or_file, *others]):
            file, found = _subjects(timed, threads, pathlib.Path(folder) / f"{number}.tflite")
            files.append(file)
            subjects += found
        rounds = min(_ROUNDS, runs)
        times = interleaved([subject.call for subject in subjects], runs, rounds, settle=SETTLE)
        alone = layer_latencies(files[0], threads) if layers and files[0] else []
    rows = [_latency(subject, turns) for subject, turns in zip(subjects, times, strict=True)]
    return Benchmark(tuple(rows), threads, tuple(alone))


def _latency(subject: Subject, turns: Sequence[Sequence[Spent]]) -> Latency:
    wall = tuple(tuple(spent.wall for spent in turn) for turn in turns)
    processor = tuple(tuple(spent.processor for spent in turn) for turn in turns)
    return Latency(subject.name, subject.runtime, wall, processor if subject.one_thread else None)


def _subjects(
    timed: Timed, threads: int, path: pathlib.Path
) -> tuple[pathlib.Path | None, list[Subject]]:
    """What to time of one model; and its LiteRT file, if it has one."""
    if not isinstance(timed, keras.Model):
        return pathlib.Path(timed), [litert_subject(timed, threads)]
    in_keras = keras_subject(timed)
    if keras.backend.backend() != "tensorflow":
        return None, [in_keras]
    export_tflite(timed, path)
    return path, [litert_subject(path, threads, timed.name), in_keras]


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    # Names to the left, figures to the right.
    left = 3 if rows[0][2] == "output" else 2
    return [
        "  ".join(
            cell.ljust(width) if place < left else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
