"""Command line: `python -m benchmarks.peers --data_dir=DIR --work_dir=DIR`.

benchmarks/peers.md says how, and what is compared.
"""

import argparse
import json
import logging
import os
import pathlib
import sys

# TensorFlow reads it when it is imported, which importing anything here does.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from benchmarks.peers import page
from ccm_tf.files import write_json, write_text

_OUTPUT = pathlib.Path(__file__).parents[2] / "docs" / "results" / "peers.json"


def main(arguments: list[str] | None = None) -> int:
    """Runs what is missing, or writes the page anew, and returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        if not options.report:
            _run(options)
        found = json.loads(options.output.read_text(encoding="utf-8"))
        write_text(options.output.with_suffix(".md"), page.page(found))
    except (ValueError, OSError, RuntimeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _run(options) -> None:
    from benchmarks.accuracy.environment import limit_threads
    from benchmarks.accuracy.lock import only_one
    from benchmarks.peers.parts import run_parts

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    limit_threads(options.threads)
    with only_one(options.work_dir):
        for found in run_parts(options):
            write_json(options.output, found)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    add = parser.add_argument
    add("--data_dir", help="folder of the images: train/<class>/*, test/<class>/*")
    add("--work_dir", type=pathlib.Path, default="out/peers", help="pieces, networks, files")
    add("--model", type=pathlib.Path, help="trained network (default: train one)")
    add("--torch_python", default=sys.executable, help="Python with torch and torch-pruning")
    add("--steps", type=int, default=400, help="steps of fine-tuning (default 400)")
    add("--repeats", type=int, default=5, help="how often a pruning is timed (default 5)")
    add("--runs", type=int, default=100, help="timed calls of each LiteRT file (default 100)")
    add("--threads", type=int, default=2, help="threads of TensorFlow (default 2)")
    add("--output", type=pathlib.Path, default=_OUTPUT, help="JSON file; a page lies beside it")
    add("--report", action="store_true", help="write the page from the JSON file, run nothing")
    return parser


if __name__ == "__main__":
    sys.exit(main())
