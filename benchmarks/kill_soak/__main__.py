"""Kills workers of a run again and again, and compares what comes out.

python -m benchmarks.kill_soak --kills=20 --out=docs/results/kill_soak.json

Two workers on this machine train, prune and fine-tune a small network (--strategy=multi_worker).
First without disturbance; then the chief, another worker, or both at once get SIGKILL in training,
in the statistics, between the rewrite and the fine-tuning, or in fine-tuning: with 12 kills or more
each of them in each phase, at random moments within. After every kill the same command is started
again on all workers. Whenever a run has finished, the weights of its networks are compared with
those of the undisturbed run.

The soak can be killed too: the same command goes on with what --work_dir holds. --minutes ends it
in time.
"""

import argparse
import os
import pathlib
import platform
import shlex
import signal
import sys
import time
from collections import Counter

from benchmarks.kill_soak.soak import Soak
from ccm_tf.files import write_json

FLAGS = (
    "--dataset=digits",
    "--depth=8",
    "--width=0.25",
    "--epochs=6",
    "--finetune_epochs=4",
    "--batch_size=128",
    "--checkpoint_steps=5",
    "--schedule=one_cycle",
    "--macs=0.6",
    "--skip=export,report",
    "--strategy=multi_worker",
    "--strategy_timeout=300",
)


def main(words: list[str] | None = None) -> None:
    """Runs the soak as far as time allows, and writes what happened so far."""
    arguments = parsed(words)
    soak = Soak(
        pathlib.Path(arguments.work_dir),
        {
            "kills": arguments.kills,
            "seed": arguments.seed,
            "workers": arguments.workers,
            "per_run": arguments.per_run,
            "timeout": arguments.timeout,
            "flags": list(FLAGS),
        },
    )
    # As an error, so that no worker is left behind.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    end = time.monotonic() + 60 * arguments.minutes
    while soak.step():
        if time.monotonic() > end:
            print(f"Out of time: {len(soak.state['kills'])} kills so far. Run it again to go on.")
            break
    write_json(arguments.out, described(soak.state))
    if soak.state["largest_differences"]:
        print(sentence(described(soak.state)))
    if max(soak.state["largest_differences"], default=0.0) > 0:
        sys.exit("A resumed run ended with other weights than the undisturbed one.")


def parsed(words: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--per_run", type=int, default=7, help="kills that one run suffers at most")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--timeout", type=float, default=3600.0, help="seconds for one launch")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop after so many")
    parser.add_argument("--work_dir", default="out/kill_soak")
    parser.add_argument("--out", default="out/kill_soak.json")
    return parser.parse_args(words)


def described(state: dict) -> dict:
    """The result, from the state."""
    return {
        "command": command("kill_soak"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        **state["options"],
        "seconds_of_stages": state["seconds_of_stages"],
        "core_seconds": round(state["core_seconds"]),
        "kills": state["kills"],
        "kills_left": len(state["left"]),
        "missed_moments": state["missed"],
        "failures_without_a_kill": state["failures"],
        "finished_runs": len(state["largest_differences"]),
        "largest_differences": state["largest_differences"],
    }


def sentence(result: dict) -> str:
    """A result in words, as docs/distribution.md has it."""
    kills, largest = result["kills"], max(result["largest_differences"])
    victims, phases = (Counter(kill[key] for kill in kills) for key in ("victim", "phase"))
    return (
        f"{len(kills)} kills in {result['finished_runs']} runs, {victims['chief']} of the chief, "
        f"{victims['worker']} of the other worker and {victims['both']} of both: "
        f"{phases['training']} in training, {phases['statistics']} in the statistics, "
        f"{phases['rewritten']} between rewriting and fine-tuning, {phases['fine-tuning']} in "
        f"fine-tuning. The largest difference of a weight at the end is {largest:g}."
    )


def command(name: str) -> str:
    """How to run a benchmark again, wherever its result is to go."""
    own = ("--out", "--work_dir", "--minutes")
    given = [word for word in sys.argv[1:] if not word.startswith(own)]
    return shlex.join(["python", "-m", f"benchmarks.{name}", *given])


if __name__ == "__main__":
    main()
