"""Worker processes on this machine: starting, watching and killing them."""

import json
import os
import pathlib
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Seconds that who is left gets to notice that somebody is gone.
GRACE = 120
# Seconds between two looks at processes and logs.
_PAUSE = 0.1


class Workers:
    """The same command on several workers of `--strategy=multi_worker`.

    Args:
        flags: Flags of `tasks.cifar_resnet`.
        count: Number of workers.
        output: The run's folder. Logs are written beside it.
    """

    def __init__(self, flags: Sequence[str], count: int, output: pathlib.Path):
        program = [sys.executable, "-m", "tasks.cifar_resnet", *flags, f"--output_dir={output}"]
        addresses = free_addresses(count)
        self._logs = [output.with_name(f"{output.name}.{i}.log") for i in range(count)]
        self._before = self._logs[0].stat().st_size if self._logs[0].exists() else 0
        self.processes = []
        for index, path in enumerate(self._logs):
            # Deterministic mode: no sum depends on which thread was faster.
            variables = {**variables_of(addresses, index), "TF_DETERMINISTIC_OPS": "1"}
            with path.open("ab") as log:
                self.processes.append(
                    subprocess.Popen(program, cwd=ROOT, env=variables, stdout=log, stderr=log)
                )

    @property
    def running(self) -> bool:
        """Whether any of them runs."""
        return any(process.poll() is None for process in self.processes)

    def log(self) -> str:
        """What the chief has said since these workers were started."""
        with self._logs[0].open("rb") as file:
            file.seek(self._before)
            return file.read().decode(errors="replace")

    def ended_well(self, seconds: float) -> bool:
        """Waits until all have ended by themselves, and says whether all succeeded.

        Args:
            seconds: How long to wait.

        Raises:
            subprocess.TimeoutExpired: If they take longer.
        """
        end = time.monotonic() + seconds
        found = [p.wait(max(end - time.monotonic(), 0.1)) for p in self.processes]
        return not any(found)

    def kill(self, victim: str) -> float | None:
        """Sends SIGKILL, and waits for who is left to notice.

        Args:
            victim: "chief", "worker" (the last one) or "both" (all of them).

        Returns:
            Seconds until those who were left had ended by themselves; `None` if there were none,
            or they had to be killed too.
        """
        chief, *others = self.processes
        chosen = {"chief": [chief], "worker": others[-1:], "both": self.processes}[victim]
        for process in chosen:
            process.send_signal(signal.SIGKILL)
        start = time.monotonic()
        left = [process for process in self.processes if process not in chosen]
        while any(p.poll() is None for p in left) and time.monotonic() - start < GRACE:
            time.sleep(_PAUSE)
        noticed = left and all(process.poll() is not None for process in left)
        seconds = time.monotonic() - start
        self.end()
        return seconds if noticed else None

    def end(self) -> None:
        """Ends those that still run, at once."""
        for process in self.processes:
            process.kill()
            process.wait()

    def pause(self) -> None:
        """Lets them work for a moment."""
        time.sleep(_PAUSE)


def core_seconds() -> float:
    """Processor time that all workers have taken that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def variables_of(addresses: Sequence[str], index: int) -> dict[str, str]:
    """The environment of a worker with one thread of its own and no GPU.

    Args:
        addresses: Those of all workers.
        index: Which of them.
    """
    task = {"type": "worker", "index": index}
    return {
        **os.environ,
        "TF_CONFIG": json.dumps({"cluster": {"worker": list(addresses)}, "task": task}),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_NUM_INTRAOP_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "-1",
    }


def free_addresses(count: int) -> list[str]:
    """Addresses of this machine on which nobody listens now."""
    return [f"127.0.0.1:{port}" for port in free_ports(count)]


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
