"""Time of statistics and of a training epoch against workers and data; cost of the all-reduce.

python -m benchmarks.scaling --workers=1,2 --images=128,256,512 --out=docs/results/scaling.json

Workers are processes of this machine under --strategy=multi_worker, one thread each, so that they
do not take each other's cores. Each number of workers runs in processes of its own, which make the
images of every batch when it is wanted. Epochs are timed after one that compiles; the fastest of
--epochs counts. Beside the seconds on the clock stand the processor's: those of the worker that
took most, which other programs of the machine change little. Memory is the largest resident set of
any worker so far. What synchronised CCM-loss costs beside one that looks at each replica's images
alone comes in two figures: the all-reduce by itself, again and again with what the loss reduces, as
a part of the step; and the middle of the differences of neighbouring epochs, which take turns, with
its quartiles. The latter has the waiting in it, and the noise of whole epochs.
"""

import argparse
import json
import math
import os
import platform
import resource
import subprocess
import sys
import time

import keras
import numpy as np

from benchmarks.kill_soak.__main__ import command
from benchmarks.kill_soak.workers import ROOT, free_addresses, variables_of
from ccm_tf import replicas
from ccm_tf.files import write_json

_RESULT = "result: "
_REDUCTIONS = 100
_COLUMNS = (
    ("workers", "workers", "{:d}"),
    ("images", "images", "{:d}"),
    ("epoch, s", "epoch_seconds", "{:.2f}"),
    ("epoch, core s", "epoch_core_seconds", "{:.2f}"),
    ("statistics, s", "statistics_seconds", "{:.2f}"),
    ("statistics, core s", "statistics_core_seconds", "{:.2f}"),
    ("memory, MB", "memory_mb", "{:.0f}"),
    ("all-reduce, ms", "all_reduce_ms", "{:.2f}"),
    ("of the step", "share_of_all_reduce", "{:.1%}"),
)


class MadeUp(keras.utils.PyDataset):
    """Images of noise, made when they are wanted: data of any size takes no memory.

    Args:
        images: How many.
        batch_size: Images per batch.
    """

    def __init__(self, images: int, batch_size: int):
        super().__init__()
        self.images, self.batch_size = images, batch_size

    def __len__(self) -> int:
        return self.images // self.batch_size

    def __getitem__(self, index: int):
        rng = np.random.default_rng(index)
        x = rng.normal(size=(self.batch_size, 32, 32, 3)).astype("float32")
        return x, rng.integers(0, 10, self.batch_size)


def main() -> None:
    arguments = parsed()
    if arguments.work:
        for row in work(arguments):
            print(_RESULT + json.dumps(row), flush=True)
        return
    load = os.getloadavg()
    rows = [row for count in numbers(arguments.workers) for row in measured(count, arguments)]
    result = {
        "command": command("scaling"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "network": f"ResNet-{arguments.depth}, width {arguments.width}",
        "batch_size": arguments.batch_size,
        "load_average_before": load,
        "rows": rows,
    }
    write_json(arguments.out, result)
    print(table(rows))


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", default="1,2")
    parser.add_argument("--images", default="128,256,512")
    parser.add_argument("--batch_size", type=int, default=32)
    parser.add_argument("--depth", type=int, default=8)
    parser.add_argument("--width", type=float, default=0.5)
    parser.add_argument("--epochs", type=int, default=3, help="timed, after one that compiles")
    parser.add_argument("--timeout", type=float, default=1800)
    parser.add_argument("--out", default="out/scaling.json")
    parser.add_argument("--work", type=int, default=0, help=argparse.SUPPRESS)
    return parser.parse_args()


def measured(workers: int, arguments) -> list[dict]:
    """One row for every amount of data, from processes of their own."""
    addresses = free_addresses(workers)
    names = ("images", "batch_size", "depth", "width", "epochs")
    flags = [f"--{name}={getattr(arguments, name)}" for name in names]
    program = [sys.executable, "-m", "benchmarks.scaling", f"--work={workers}", *flags]
    processes = []
    for index in range(workers):
        variables = variables_of(addresses, index)
        processes.append(
            subprocess.Popen(program, cwd=ROOT, env=variables, stdout=subprocess.PIPE, text=True)
        )
    found = []
    for process in processes:
        lines = process.communicate(timeout=arguments.timeout)[0].splitlines()
        if process.returncode:
            sys.exit(f"A worker failed: {workers} workers.")
        found.append([json.loads(x.removeprefix(_RESULT)) for x in lines if x.startswith(_RESULT)])
    return [{"workers": workers, **_slowest(rows)} for rows in zip(*found, strict=True)]


def work(arguments) -> list[dict]:
    """What one worker measures."""
    import ccm_tf
    from ccm_tf import distribute
    from tasks.models import build

    strategy = distribute.start("multi_worker", timeout=300)
    trainers = {}
    for synchronised in (False, True):
        with strategy.scope():
            keras.utils.set_random_seed(0)
            network = build(f"resnet{arguments.depth}", 10, arguments.width, (32, 32, 3))
            model = ccm_tf.Model.from_model(distribute.synchronised(network))
            watched = ccm_tf.feature_layers(model)
            for layer in watched:
                model.add_loss(ccm_tf.CCMLoss(layer, synchronized=synchronised))
            loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
            model.compile(keras.optimizers.SGD(0.01), loss, jit_compile=False)
        trainers[synchronised] = distribute.Trainer(model, strategy)
        _epoch(trainers[synchronised], MadeUp(2 * arguments.batch_size, arguments.batch_size))
    shapes = {layer.name: layer.output.shape[1:] for layer in watched}
    all_reduce = _all_reduce_seconds(strategy, shapes)
    plain = build(f"resnet{arguments.depth}", 10, arguments.width, (32, 32, 3))
    rows = []
    for images in numbers(arguments.images):
        data = MadeUp(images, arguments.batch_size)
        found = np.array([_both(trainers, data) for _ in range(arguments.epochs)])
        alone, together = found.min(axis=0)
        share = np.percentile(1 - found[:, 0, 0] / found[:, 1, 0], [25, 50, 75])
        start = _clocks()
        distribute.plan(strategy, plain, "pca", data, channels=0.5)
        statistics = _clocks() - start
        rows.append(
            {
                "images": images,
                "epoch_seconds": together[0],
                "epoch_core_seconds": together[1],
                "seconds_without_all_reduce": alone[0],
                "all_reduce_ms": 1e3 * all_reduce,
                "share_of_all_reduce": all_reduce * len(data) / together[0],
                "share_of_epochs": share[1],
                "share_quartiles": share[[0, 2]].tolist(),
                "statistics_seconds": statistics[0],
                "statistics_core_seconds": statistics[1],
                # A sum over images of every pixel and channel, and their number, in float32.
                "bytes": {name: 4 * (math.prod(shape) + 1) for name, shape in shapes.items()},
                "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        )
    return rows


def _all_reduce_seconds(strategy, shapes) -> float:
    """The median time of what the loss over mean maps reduces in a step, all layers at once."""
    import tensorflow as tf

    sums = [(tf.zeros(()), tf.zeros(math.prod(shape))) for shape in shapes.values()]

    @tf.function(autograph=False)
    def reduce():
        return strategy.native.run(lambda: replicas.all_reduce_sum(sums))

    found = []
    for _ in range(1 + _REDUCTIONS):
        start = time.perf_counter()
        reduce()
        found.append(time.perf_counter() - start)
    # The first one compiles.
    return float(np.median(found[1:]))


def _slowest(rows) -> dict:
    """What workers say about the same work, as that of the one that took most."""
    largest = ("_seconds", "memory_mb")
    return {
        name: max(row[name] for row in rows) if name.endswith(largest) else value
        for name, value in rows[0].items()
    }


def _clocks() -> np.ndarray:
    """Seconds on the clock, and of the processor."""
    return np.array([time.perf_counter(), time.process_time()])


def _both(trainers, data) -> list[np.ndarray]:
    """Clocks of an epoch without and one with the all-reduce, right after each other."""
    return [_epoch(trainers[synchronised], data) for synchronised in (False, True)]


def _epoch(trainer, data) -> np.ndarray:
    """What an epoch takes, by both clocks."""
    found = []

    class Watch(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.start = _clocks()

        def on_epoch_end(self, epoch, logs=None):
            found.append(_clocks() - self.start)

    trainer.fit(data, epochs=1, verbose=0, callbacks=[Watch()])
    return found[0]


def table(rows: list[dict]) -> str:
    """The rows of a result in Markdown, as docs/distribution.md shows them."""
    lines = [
        "| " + " | ".join(title for title, *_ in _COLUMNS) + " |",
        "|--:" * len(_COLUMNS) + "|",
    ]
    for row in rows:
        cells = (form.format(row[name]) for _, name, form in _COLUMNS)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def numbers(text: str) -> list[int]:
    """Numbers between commas."""
    return [int(word) for word in text.split(",")]


if __name__ == "__main__":
    main()
