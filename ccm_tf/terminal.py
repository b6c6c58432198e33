"""Keeping other libraries' chatter off the terminal."""

import contextlib
import dataclasses
import io
import os
import sys
import tempfile
from collections.abc import Iterator
from typing import IO


@dataclasses.dataclass
class CapturedOutput:
    """What a `captured_output` block wrote.

    Attributes:
        text: The output, empty lines left out; empty as long as the block runs.
    """

    text: str = ""


@contextlib.contextmanager
def captured_output() -> Iterator[CapturedOutput]:
    """Collects what the block writes to standard output and error instead of showing it.

    Converters and interpreters written in C++ write to the file descriptors, which Python's
    `contextlib.redirect_stderr` does not reach; so the descriptors are redirected too, for the
    whole process, as long as the block runs.

    Yields:
        A `CapturedOutput`; its `text` is there when the block has ended, however it ended.

    Example:

    ```python
    with captured_output() as output:
        model.export("model.tflite", format="litert")
    print(output.text)
    ```
    """
    with tempfile.TemporaryFile() as file:
        output = CapturedOutput()
        try:
            # In a notebook or a test `sys.stderr` is not descriptor 2: both need redirecting.
            with (
                _descriptor(1, file),
                _descriptor(2, file),
                io.TextIOWrapper(_unclosed(file), "utf-8", write_through=True) as text,
                contextlib.redirect_stdout(text),
                contextlib.redirect_stderr(text),
            ):
                yield output
        finally:
            file.seek(0)
            lines = file.read().decode("utf-8", errors="replace").splitlines()
            output.text = "\n".join(line for line in lines if line.strip())


@contextlib.contextmanager
def _descriptor(number: int, file: IO[bytes]) -> Iterator[None]:
    try:
        saved = os.dup(number)
    except OSError:
        # A process without a terminal may have closed it: nothing to redirect.
        yield
        return
    _flush()
    os.dup2(file.fileno(), number)
    try:
        yield
    finally:
        _flush()
        os.dup2(saved, number)
        os.close(saved)


def _unclosed(file: IO[bytes]) -> IO[bytes]:
    """A second file object on the same open file, so that closing it leaves the first open."""
    return os.fdopen(os.dup(file.fileno()), "wb", buffering=0)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        # A stream that is missing, closed or broken has nothing to flush.
        with contextlib.suppress(AttributeError, OSError, ValueError):
            stream.flush()
