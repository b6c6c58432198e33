"""Worker processes on this machine."""

import json
import os
import pathlib
import subprocess
import sys

from tests.distribute.test_rendezvous import addresses

ROOT = pathlib.Path(__file__).parents[2]


def environments(count):
    """Environment variables of each of several workers."""
    cluster = {"worker": list(addresses(count))}
    task = [{"type": "worker", "index": index} for index in range(count)]
    base = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    base.pop("TF_CONFIG", None)
    return [{**base, "TF_CONFIG": json.dumps({"cluster": cluster, "task": one})} for one in task]


def alone():
    """Environment variables of a process that works alone."""
    return {name: value for name, value in environments(1)[0].items() if name != "TF_CONFIG"}


def run(commands, variables, seconds=600, status=0):
    """Runs Python with some arguments in each of some environments, all at once.

    Returns:
        The processes' outputs. A process that ends with another status, or takes longer, fails the
        test.
    """
    started = _started(commands, variables)
    try:
        outputs = [process.communicate(timeout=seconds)[0] for process in started]
    finally:
        for process in started:
            process.kill()
    for process, output in zip(started, outputs, strict=True):
        assert process.returncode == status, output
    return outputs


def run_until_one_ends(command, variables, status, seconds=600):
    """Runs a command in each of some environments until the first ends, and kills the others."""
    started = _started([command] * len(variables), variables)
    try:
        output = started[0].communicate(timeout=seconds)[0]
    finally:
        for process in started:
            process.kill()
            process.wait()
            process.stdout.close()
    assert started[0].returncode == status, output


def _started(commands, variables):
    return [
        subprocess.Popen(
            [sys.executable, *command],
            env=one,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for command, one in zip(commands, variables, strict=True)
    ]
