"""Latency tables of phones: files for the stock benchmark tool, and what it said of them."""

import pathlib
import shlex
from collections.abc import Mapping

import keras

from ccm_tf.files import PathLike, atomic_path, write_text
from ccm_tf.graph import ChannelGraph
from ccm_tf.latency.measure import Sized
from ccm_tf.latency.operators import file_name
from ccm_tf.latency.reader import Work
from ccm_tf.latency.single import single_operator
from ccm_tf.latency.stock import read_benchmark_log
from ccm_tf.latency.table import LatencyTable
from ccm_tf.latency.work import model_work

LOG = "log.txt"
SCRIPT = "run.sh"
_ON_PHONE = "/data/local/tmp/ccm_tf"


def write_benchmarks(
    table: LatencyTable, model: keras.Model | ChannelGraph, folder: PathLike
) -> pathlib.Path:
    """Writes the operators that a table lacks for a model, and a script that times them.

    The script copies the files to a phone with `adb`, runs LiteRT's `benchmark_model` on each and
    leaves what it says in `log.txt`, for `read_benchmarks`.

    Args:
        table: The table to be filled.
        model: The widest model to predict for: the dense one.
        folder: Where to write; made if it is not there.

    Returns:
        Path of the script.

    Raises:
        ValueError: If the model leaves sizes open, or nothing is missing.
        OSError: If the folder cannot be written to.

    Example:

    ```python
    table = ccm_tf.LatencyTable("Pixel 8, one big core", threads=1)
    print(write_benchmarks(table, model, "pixel8"))  # run it: sh pixel8/run.sh ./benchmark_model
    read_benchmarks(table, model, "pixel8")
    table.save("pixel8.json")
    ```
    """
    wanted = table.missing(_works(model))
    if not wanted:
        raise ValueError(
            f"The latency table of '{table.device}' has all operators of the model already."
        )
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for sized in dict.fromkeys(wanted):
        with atomic_path(folder / file_name(*sized)) as temporary:
            temporary.write_bytes(single_operator(*sized, table.dtype))
    write_text(folder / SCRIPT, _script(table.threads))
    return folder / SCRIPT


def read_benchmarks(
    table: LatencyTable, model: keras.Model | ChannelGraph, folder: PathLike
) -> None:
    """Takes the times that the script of `write_benchmarks` left into a table.

    Args:
        table: The same table.
        model: The same model.
        folder: The same folder, with the phone's `log.txt`.

    Raises:
        FileNotFoundError: If there is no log.
        ValueError: If the log has no time for an operator; the message names it.
    """
    path = pathlib.Path(folder) / LOG
    times = read_benchmark_log(path.read_text(encoding="utf-8", errors="replace"))
    works = _works(model)
    table.add(works, _by_operator(table.missing(works), times, path))


def _by_operator(
    wanted: list[Sized], times: Mapping[str, float], path: pathlib.Path
) -> dict[Sized, float]:
    names = {sized: file_name(*sized) for sized in wanted}
    lacking = [name for name in names.values() if name not in times]
    if lacking:
        raise ValueError(
            f"'{path}' has no time for {len(lacking)} of {len(names)} operators, among them "
            f"'{lacking[0]}'. Run the script again; it starts over."
        )
    return {sized: times[name] for sized, name in names.items()}


def _works(model: keras.Model | ChannelGraph) -> tuple[Work, ...]:
    graph = model if isinstance(model, ChannelGraph) else ChannelGraph(model)
    return model_work(graph).works


def _script(threads: int) -> str:
    return f"""\
#!/bin/sh
# Times every file of this folder with LiteRT's benchmark_model on the phone that adb sees:
#     sh {SCRIPT} path/to/benchmark_model
# The result is {LOG}. Let the phone cool down before, and switch battery saving off.
set -eu
tool=${{1:?"path of benchmark_model, built for the phone"}}
cd "$(dirname "$0")"
adb shell mkdir -p {shlex.quote(_ON_PHONE)}
adb push "$tool" {_ON_PHONE}/benchmark_model
adb shell chmod +x {_ON_PHONE}/benchmark_model
adb push ./*.tflite {_ON_PHONE}/
: > {LOG}
for file in *.tflite; do
    adb shell "{_ON_PHONE}/benchmark_model --graph={_ON_PHONE}/$file --num_threads={threads} \\
        --use_xnnpack=true --num_runs=50 --min_secs=0.1 --warmup_min_secs=0.05" \\
        < /dev/null >> {LOG} 2>&1
done
adb shell rm -r {shlex.quote(_ON_PHONE)}
"""
