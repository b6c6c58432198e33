"""LiteRT's own benchmark tools: running the one for this machine, reading the one for phones."""

import itertools
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

# Lines of `benchmark_model`, perhaps behind a prefix such as "INFO: ".
_GRAPH = re.compile(r"Graph: \[(.+?)\]")
_COUNT = re.compile(r"count=(\d+) (first=.*)")
_AVERAGE = re.compile(r"Inference \(avg\): ([0-9.e+]+)")
_MEDIAN = re.compile(r"median=([0-9.e+]+)")


def litert_benchmark(
    path: str | os.PathLike[str], *, threads: int = 1, runs: int = 50, gpu: bool = False
) -> dict[str, Any]:
    """Runs a LiteRT file in LiteRT's own benchmark, in a process of its own.

    It is the second opinion on `ccm_tf.benchmark_latency`, and the way to accelerators; it times
    one file, so do not rank files by it on a machine whose speed drifts.

    Args:
        path: A `.tflite` file.
        threads: How many threads compute. Defaults to 1.
        runs: Timed calls. Defaults to 50.
        gpu: Whether to run on the GPU. Defaults to `False`.

    Returns:
        What the tool says: `latency` with `median_ms`, `p5_ms`, `p95_ms`, …, and
        `fully_accelerated`.

    Raises:
        RuntimeError: If the tool fails, for example for want of a GPU; the message holds the end
            of what it said.
    """
    with tempfile.TemporaryDirectory() as folder:
        result = pathlib.Path(folder) / "result.json"
        command = [sys.executable, "-m", "ai_edge_litert.tools.benchmark_litert_model"]
        command += [f"--model={path}", f"--num_threads={threads}", f"--num_runs={runs}"]
        command += [f"--result_json={result}"]
        command += ["--use_gpu", "--require_full_delegation"] if gpu else []
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode or not result.is_file():
            said = " ".join((done.stderr or done.stdout).split())
            raise RuntimeError(f"LiteRT's benchmark could not run '{path}': …{said[-400:]}")
        return json.loads(result.read_text(encoding="utf-8"))


def read_benchmark_log(text: str) -> dict[str, float]:
    """Times in the output of the stock tool `benchmark_model`, as it runs on phones.

    Args:
        text: Output of one or several runs, one after the other.

    Returns:
        Name of the file that was run, without folders, to milliseconds per call: the median where
        the tool prints one, else the average.

    Raises:
        ValueError: If the text holds no finished run, or a run without a result.

    Example:

    ```python
    times = read_benchmark_log(open("log.txt").read())
    ```
    """
    found = {}
    for name, part in _runs(text):
        # The first count belongs to the warm-up, the last to what is to be measured.
        counts = [match.group(2) for match in _COUNT.finditer(part)]
        median = _MEDIAN.search(counts[-1]) if len(counts) > 1 else None
        result = median or _AVERAGE.search(part)
        if result is None:
            raise ValueError(
                f"The log has no result for '{name}': its run was cut off or failed. It ends: "
                f"{part.strip()[-200:]!r}."
            )
        found[name] = float(result.group(1)) / 1e3
    if not found:
        raise ValueError(
            "Expected the output of `benchmark_model`, with lines such as 'Graph: [model.tflite]' "
            f"and 'Inference (avg): 123'. Received {len(text)} characters without them."
        )
    return found


def _runs(text: str) -> Iterator[tuple[str, str]]:
    starts = list(_GRAPH.finditer(text))
    for start, after in itertools.zip_longest(starts, starts[1:]):
        end = after.start() if after else len(text)
        yield pathlib.PurePosixPath(start.group(1)).name, text[start.end() : end]
