"""The latency table of this machine, measured once and kept on disk."""

import functools
import importlib.metadata
import os
import pathlib
import platform
import re
import warnings

import keras

from ccm_tf.files import cache_folder
from ccm_tf.graph import ChannelGraph
from ccm_tf.latency.measure import measure_here
from ccm_tf.latency.table import LatencyTable

# Counted up when `ccm_tf.latency.measure` changes: tables measured otherwise are no more use.
_METHOD = 2


def latency_table(
    model: keras.Model | ChannelGraph | None = None, *, threads: int = 1, dtype: str = "float32"
) -> LatencyTable:
    """The latency table of this machine, with everything that a model needs.

    What it lacks is measured, which takes seconds to a minute on an otherwise idle machine, and
    kept on disk for the next time: in `$CCM_TF_CACHE`, else in `ccm_tf` within the user's cache
    folder (`$XDG_CACHE_HOME`, `~/.cache`), one file for each processor, version of LiteRT, number
    of threads and dtype. Delete the file to measure anew.

    Args:
        model: The widest model to predict for. Defaults to `None`: what is on disk.
        threads: How many threads compute. Defaults to 1.
        dtype: `"float32"` or `"int8"`. Defaults to `"float32"`.

    Returns:
        A `LatencyTable`.

    Raises:
        ValueError: If an argument makes no sense, or the model leaves sizes open.
        ImportError: If `ai-edge-litert` is not installed.
        OSError: If the cache cannot be written to.

    Example:

    ```python
    table = ccm_tf.latency_table(model, dtype="int8")
    print(table.predict(model), "ms")
    ```
    """
    table = LatencyTable(this_device(), threads, dtype)
    path = cache_path(table)
    if path.is_file():
        try:
            table = LatencyTable.load(path)
        except ValueError as error:
            warnings.warn(f"The latency table is measured anew: {error}", stacklevel=2)
    if model is not None and table.measure(model, measure_here(threads, dtype)):
        path.parent.mkdir(parents=True, exist_ok=True)
        table.save(path)
    return table


def cache_path(table: LatencyTable) -> pathlib.Path:
    """Where a table of a device is kept.

    Args:
        table: The table; its device, threads and dtype, and the way of measuring, make the name.
    """
    device = re.sub(r"[^A-Za-z0-9.]+", "_", table.device).strip("_")
    return cache_folder() / f"latency{_METHOD}-{device}-{table.threads}-{table.dtype}.json"


@functools.cache
def this_device() -> str:
    """Processor and version of LiteRT, which decide about times."""
    try:
        version = importlib.metadata.version("ai-edge-litert")
    except importlib.metadata.PackageNotFoundError:
        version = "none"
    return f"{_processor()}, {os.cpu_count()} CPUs, LiteRT {version}"


def _processor() -> str:
    """The processor's name and features, as far as the system tells."""
    try:
        text = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        text = ""
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    name = found.group(1) if found else platform.processor() or platform.machine()
    # Machines that share a name may differ in what their kernels can use.
    wide = [word for word in ("avx2", "avx512f", "avx512_vnni", "amx_int8") if word in text]
    return " ".join([name, *wide])
