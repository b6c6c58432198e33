"""Command line: `python -m benchmarks.accuracy --data_dir=DIR --work_dir=DIR`."""

import argparse
import dataclasses
import functools
import logging
import os
import pathlib
import sys

# TensorFlow reads it when it is imported, which importing anything here does.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from benchmarks.accuracy import matrix, report
from benchmarks.accuracy.cells import parse_filters
from benchmarks.accuracy.deadline import Deadline, OutOfTime
from benchmarks.accuracy.environment import limit_threads
from benchmarks.accuracy.listing import listing
from benchmarks.accuracy.lock import only_one
from benchmarks.accuracy.results import Results
from benchmarks.accuracy.runner import Runner
from benchmarks.accuracy.shorter import shorter

_HERE = pathlib.Path(__file__).parent
_RESULTS = _HERE.parents[1] / "docs" / "results"
# By protocol: the matrix, and the name of its results.
_PROTOCOLS = {"small": ("matrix.toml", "accuracy"), "paper": ("paper.toml", "paper")}


def main(arguments: list[str] | None = None) -> int:
    """Runs, lists or reports the matrix and returns the exit status."""
    options = _parser().parse_args(arguments)
    declared, name = _PROTOCOLS[options.protocol]
    options.matrix = options.matrix or _HERE / declared
    less = options.epochs != 1 or options.images is not None
    options.results = options.results or _RESULTS / f"{name}{'_short' if less else ''}.jsonl"
    change = functools.partial(shorter, epochs=options.epochs, images=options.images)
    try:
        filters = parse_filters(options.only)
        cells = [c for c in matrix.load_cells(options.matrix, change) if c.matches(filters)]
        results = Results(options.results)
        if not cells:
            raise ValueError(f"No cell matches {' '.join(options.only)}; --list shows them all.")
        return _act(options, cells, results, change)
    except OutOfTime as stop:
        print(f"The {options.minutes:g} minutes are over; the same command goes on. {stop}")
        return 3
    except (ValueError, OSError, RuntimeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _act(options, cells, results, change) -> int:
    if options.list:
        print(listing(cells, results))
        return 0
    if options.report:
        for path in _report(options, cells, results, change):
            print(path)
        return 0
    with only_one(options.work_dir):
        return _run(options, cells, results)


def _report(options, cells, results, change) -> list[pathlib.Path]:
    tables = matrix.load_tables(options.matrix, change)
    return report.write(cells, results, options.results.parent, tables)


def _run(options, cells, results) -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    limit_threads(options.threads)
    load = functools.partial(_load, options.data_dir)
    runner = Runner(options.work_dir, results, load, Deadline(options.minutes))
    failed = runner.run(cells)
    for cell in failed:
        print(f"failed: {cell.title}", file=sys.stderr)
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__)
    add = parser.add_argument
    add("--data_dir", help="folder of the images, see tasks.data")
    add("--work_dir", type=pathlib.Path, default="out/accuracy", help="networks, checkpoints")
    add("--protocol", choices=_PROTOCOLS, default="small", help="small for a CPU, paper for a GPU")
    add("--results", type=pathlib.Path, help="file of JSON lines (default: the protocol's)")
    add("--matrix", type=pathlib.Path, help="what to run (default: the protocol's)")
    add("--epochs", type=float, default=1.0, metavar="SHARE", help="of all declared epochs")
    add("--images", type=int, help="of the training set and of the test set, at most")
    add("--minutes", type=float, help="stop in time, with exit status 3; run again to go on")
    add("--only", action="append", default=[], metavar="LABEL=VALUE[,VALUE]", help="which cells")
    add("--threads", type=int, default=2, help="threads of TensorFlow (default 2)")
    add("--list", action="store_true", help="show what is done, what is missing, how long it takes")
    add("--report", action="store_true", help="write tables and plots beside the results")
    return parser


def _load(data_dir, settings):
    from tasks.data import load

    dataset = load(settings["loader"], data_dir)
    if "images" not in settings:
        return dataset
    train, test = (dataset.sample(split, settings["images"]) for split in ("train", "test"))
    return dataclasses.replace(dataset, train=train, test=test)


if __name__ == "__main__":
    sys.exit(main())
