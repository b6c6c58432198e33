"""Kills workers of a run at random moments, again and again, and compares what comes out.

python -m benchmarks.kill_soak --kills=20 --out=docs/results/kill_soak.json

Two workers on this machine train, prune and fine-tune a small network (--strategy=multi_worker).
First without disturbance; then the chief, another worker, or both at once get SIGKILL at a random
moment, and the same command is started again on all workers, until all kills are spent. Whenever a
run has finished, the weights of its networks are compared with those of the undisturbed run.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import platform
import random
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time

import numpy as np

from ccm_tf.files import write_json

ROOT = pathlib.Path(__file__).resolve().parents[1]
VICTIMS = ("chief", "worker", "both")
# Seconds that who is left gets to notice.
GRACE = 120
NETWORKS = ("dense", "pruned", "finetuned")
FLAGS = (
    "--dataset=digits",
    "--depth=8",
    "--width=0.25",
    "--epochs=2",
    "--finetune_epochs=1",
    "--batch_size=128",
    "--schedule=one_cycle",
    "--macs=0.6",
    "--skip=export,report",
    "--strategy=multi_worker",
    "--strategy_timeout=300",
)


@dataclasses.dataclass
class Kill:
    """One of them.

    Attributes:
        victim: "chief", "worker" or "both".
        seconds: After how many seconds.
        files: What the run had written by then.
        survivor: Seconds until the other process had ended by itself; `None` if there was none, or
            if it had to be killed too.
    """

    victim: str
    seconds: float
    files: list[str]
    survivor: float | None = None


def main() -> None:
    arguments = parsed()
    draws = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as folder:
        base = pathlib.Path(folder)
        start = time.monotonic()
        finish(launch(base / "undisturbed", arguments.workers), arguments.timeout)
        took = time.monotonic() - start
        print(f"undisturbed: {took:.0f} s", flush=True)
        kills: list[Kill] = []
        differences: list[float] = []
        while len(kills) < arguments.kills or not differences:
            output = base / f"disturbed_{len(differences)}"
            kills += disturbed(output, arguments, draws, took, arguments.kills - len(kills))
            differences.append(difference(base / "undisturbed", output))
            print(f"finished; largest difference of a weight: {differences[-1]}", flush=True)
    result = {
        "command": command("kill_soak"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "flags": FLAGS,
        "workers": arguments.workers,
        "undisturbed_seconds": took,
        "kills": [dataclasses.asdict(kill) for kill in kills],
        "finished_runs": len(differences),
        "largest_differences": differences,
    }
    write_json(arguments.out, result)
    print(json.dumps({k: v for k, v in result.items() if k != "kills"}, indent=1))
    if max(differences) > 0:
        sys.exit("A resumed run ended with other weights than the undisturbed one.")


def command(name: str) -> str:
    """How to run a benchmark again, wherever its result is to go."""
    given = [word for word in sys.argv[1:] if not word.startswith("--out")]
    return shlex.join(["python", "-m", f"benchmarks.{name}", *given])


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--timeout", type=float, default=1800.0, help="seconds for one run")
    parser.add_argument("--out", default="out/kill_soak.json")
    return parser.parse_args()


def disturbed(output, arguments, draws, took, most) -> list[Kill]:
    """One run to its end, with at most so many kills on the way."""
    kills: list[Kill] = []
    while len(kills) < most:
        processes = launch(output, arguments.workers)
        moment = draws.uniform(0.1, 1.0) * took
        victim = draws.choice(VICTIMS)
        end = time.monotonic() + moment
        while time.monotonic() < end and any(p.poll() is None for p in processes):
            time.sleep(0.2)
        if all(p.poll() is not None for p in processes):
            # It was faster than the dice.
            finish(processes, 0)
            return kills
        kills.append(kill(processes, victim, moment, output))
        print(kills[-1], flush=True)
    finish(launch(output, arguments.workers), arguments.timeout)
    return kills


def kill(processes, victim, moment, output) -> Kill:
    """Kills, and waits for who is left to notice."""
    files = sorted(p.name for p in output.iterdir() if p.is_file()) if output.is_dir() else []
    done = Kill(victim, moment, [name for name in files if name[0] != "."])
    chief, *others = processes
    victims = {"chief": [chief], "worker": others[:1], "both": processes}[victim]
    for process in victims:
        process.send_signal(signal.SIGKILL)
    start = time.monotonic()
    left = [p for p in processes if p not in victims]
    while any(p.poll() is None for p in left) and time.monotonic() - start < GRACE:
        time.sleep(0.2)
    if left and all(p.poll() is not None for p in left):
        done.survivor = time.monotonic() - start
    for process in processes:
        process.kill()
        process.wait()
    return done


def launch(output, workers) -> list[subprocess.Popen]:
    """The same command on all workers."""
    addresses = [f"127.0.0.1:{port}" for port in free_ports(workers)]
    program = [sys.executable, "-m", "tasks.cifar_resnet", *FLAGS, f"--output_dir={output}"]
    processes = []
    for index in range(workers):
        task = {"type": "worker", "index": index}
        config = {"cluster": {"worker": addresses}, "task": task}
        variables = {
            **os.environ,
            "TF_CONFIG": json.dumps(config),
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "CUDA_VISIBLE_DEVICES": "-1",
        }
        with open(f"{output}.{index}.log", "ab") as log:
            processes.append(
                subprocess.Popen(program, cwd=ROOT, env=variables, stdout=log, stderr=log)
            )
    return processes


def finish(processes, seconds) -> None:
    """Waits for a run; one that fails ends the program with what it said."""
    for process in processes:
        process.wait(seconds or None)
    for index, process in enumerate(processes):
        if process.returncode:
            path = pathlib.Path(process.args[-1].removeprefix("--output_dir=") + f".{index}.log")
            sys.exit(f"Worker {index} failed:\n{path.read_text(errors='replace')[-4000:]}")


def difference(one, other) -> float:
    """Largest difference between the weights of two runs' networks."""
    import keras

    largest = 0.0
    for name in NETWORKS:
        models = [
            keras.saving.load_model(folder / f"{name}.keras", compile=False)
            for folder in (one, other)
        ]
        for a, b in zip(*(model.get_weights() for model in models), strict=True):
            largest = max(largest, float(np.max(np.abs(a - b), initial=0.0)))
    return largest


def free_ports(count) -> list[int]:
    """Ports that nobody listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


if __name__ == "__main__":
    main()
