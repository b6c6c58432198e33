"""Ending in order when the process is asked to: SIGTERM, as schedulers send it before they kill."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any

# What shells and schedulers expect of a process that SIGTERM has ended.
STATUS = 128 + signal.SIGTERM
_SENTENCE = "Ended by SIGTERM. The same command goes on from what is on disk."


class Preempted(Exception):
    """The process was asked to end, and can: what it has done is on disk."""


class Preemption:
    """What a process does about SIGTERM: it stops at once, or where that is better a little later.

    Attributes:
        asked: Whether the process was asked to end while it was `patient`.
    """

    def __init__(self) -> None:
        self.asked = False
        self._patient = False

    @contextlib.contextmanager
    def noticed(self) -> Iterator[None]:
        """Within it, SIGTERM raises `Preempted` in the main thread.

        Raises:
            Preempted: When the signal comes.
        """
        if threading.current_thread() is not threading.main_thread():
            # Python hands signals to the main thread alone.
            yield
            return
        before = signal.signal(signal.SIGTERM, self._handle)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)
            self.asked = False

    @contextlib.contextmanager
    def patient(self) -> Iterator[None]:
        """Within it, SIGTERM sets `asked` only: who works here stops at a good place.

        Raises:
            Preempted: At its end, if nobody has stopped.
        """
        self._patient = True
        try:
            yield
        finally:
            self._patient = False
        if self.asked:
            raise Preempted(_SENTENCE)

    def _handle(self, number: int, frame: Any) -> None:
        if self._patient:
            self.asked = True
            return
        raise Preempted(_SENTENCE)


# A process has one handler of a signal.
PREEMPTION = Preemption()
