"""Opening LiteRT (.tflite) files."""

import errno
import os
import pathlib
import re
from typing import Any

from ccm_tf.terminal import captured_output


def open_interpreter(path: str | os.PathLike[str] | bytes, threads: int = 1) -> Any:
    """An interpreter for a file, quietly.

    Args:
        path: A `.tflite` file, or the content of one.
        threads: How many threads compute. Defaults to 1.

    Returns:
        An `ai_edge_litert.interpreter.Interpreter`, its tensors not yet allocated.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not a LiteRT model, or `threads` is below 1.
        ImportError: If `ai-edge-litert` is not installed.
    """
    if threads < 1:
        raise ValueError(f"Expected at least one thread. Received: threads={threads}.")
    if not isinstance(path, bytes) and not pathlib.Path(path).is_file():
        raise FileNotFoundError(errno.ENOENT, "There is no such LiteRT file", str(path))
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise ImportError(
            "Running LiteRT files needs `ai-edge-litert`: pip install 'ccm-tf[litert]'."
        ) from error
    name = "The content" if isinstance(path, bytes) else f"'{path}'"
    source: dict[str, Any] = (
        {"model_content": path} if isinstance(path, bytes) else {"model_path": str(path)}
    )
    try:
        with captured_output():
            interpreter = Interpreter(**source, num_threads=threads)
    except (RuntimeError, ValueError) as error:
        raise ValueError(f"{name} cannot be run as a LiteRT model: {error}") from error
    return interpreter


def signature(interpreter: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Details of a file's inputs and outputs by the names that the file gives them.

    Args:
        interpreter: What `open_interpreter` returned.

    Returns:
        Two dicts from name to the interpreter's description (`index`, `shape_signature`, `dtype`,
        …), sorted by name, where `output_10` comes after `output_9`. A file without a signature
        has its tensors' names.
    """
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    if len(interpreter.get_signature_list()) != 1:
        return {d["name"]: d for d in inputs}, {d["name"]: d for d in outputs}
    runner = interpreter.get_signature_runner()
    return _sorted(runner.get_input_details()), _sorted(runner.get_output_details())


def _sorted(details: dict[str, Any]) -> dict[str, Any]:
    return {name: details[name] for name in sorted(details, key=_natural)}


def _natural(name: str) -> list[Any]:
    """A sort key that puts `output_10` after `output_9`."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]
