"""Time of statistics and of a training epoch against workers and data; cost of the all-reduce.

python -m benchmarks.scaling --workers=1,2 --images=256,512 --out=docs/results/scaling.json

Workers are processes of this machine under --strategy=multi_worker. Each configuration runs in
processes of its own: one epoch to compile, then the one that is timed. Memory is the largest
resident set of any worker. The all-reduce is timed as the difference between synchronised CCM-loss
and one that looks at each replica's images alone.
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

import numpy as np

from benchmarks.kill_soak.__main__ import command
from benchmarks.kill_soak.workers import ROOT, free_ports
from ccm_tf.files import write_json

_RESULT = "result: "


def main() -> None:
    arguments = parsed()
    if arguments.work:
        print(_RESULT + json.dumps(work(arguments)), flush=True)
        return
    rows = []
    for workers in numbers(arguments.workers):
        for images in numbers(arguments.images):
            rows.append(measured(workers, images, arguments))
            print(json.dumps({k: v for k, v in rows[-1].items() if k != "bytes"}), flush=True)
    result = {
        "command": command("scaling"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "network": f"ResNet-{arguments.depth}, width {arguments.width}",
        "batch_size": arguments.batch_size,
        "load_average": os.getloadavg(),
        "rows": rows,
    }
    write_json(arguments.out, result)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", default="1,2")
    parser.add_argument("--images", default="256,512")
    parser.add_argument("--batch_size", type=int, default=32)
    parser.add_argument("--depth", type=int, default=8)
    parser.add_argument("--width", type=float, default=0.5)
    parser.add_argument("--timeout", type=float, default=900)
    parser.add_argument("--out", default="out/scaling.json")
    parser.add_argument("--work", type=int, default=0, help=argparse.SUPPRESS)
    return parser.parse_args()


def measured(workers: int, images: int, arguments) -> dict:
    """One configuration, in processes of its own."""
    addresses = [f"127.0.0.1:{port}" for port in free_ports(workers)]
    arguments_of_worker = [
        *(sys.executable, "-m", "benchmarks.scaling", f"--work={workers}", f"--images={images}"),
        *(f"--batch_size={arguments.batch_size}", f"--depth={arguments.depth}"),
        f"--width={arguments.width}",
    ]
    processes = []
    for index in range(workers):
        task = {"type": "worker", "index": index}
        variables = {
            **os.environ,
            "TF_CONFIG": json.dumps({"cluster": {"worker": addresses}, "task": task}),
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "CUDA_VISIBLE_DEVICES": "-1",
        }
        processes.append(
            subprocess.Popen(
                arguments_of_worker, cwd=ROOT, env=variables, stdout=subprocess.PIPE, text=True
            )
        )
    found = []
    for process in processes:
        lines = process.communicate(timeout=arguments.timeout)[0].splitlines()
        if process.returncode:
            sys.exit(f"A worker failed: {workers} workers, {images} images.")
        line = next(line for line in lines if line.startswith(_RESULT))
        found.append(json.loads(line.removeprefix(_RESULT)))
    memory = max(one["memory_mb"] for one in found)
    return {"workers": workers, "images": images, **found[0], "memory_mb": memory}


def work(arguments) -> dict:
    """What one worker measures."""
    import keras

    import ccm_tf
    from ccm_tf import distribute
    from tasks.models import build

    strategy = distribute.start("multi_worker", timeout=300)
    (images,) = numbers(arguments.images)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(images, 32, 32, 3)).astype("float32")
    y = rng.integers(0, 10, images)
    network = f"resnet{arguments.depth}"
    times = {}
    for synchronised in (False, True):
        with strategy.scope():
            keras.utils.set_random_seed(0)
            plain = build(network, 10, arguments.width, (32, 32, 3))
            model = ccm_tf.Model.from_model(distribute.synchronised(plain))
            watched = ccm_tf.feature_layers(model)
            for layer in watched:
                model.add_loss(ccm_tf.CCMLoss(layer, synchronized=synchronised))
            loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
            model.compile(keras.optimizers.SGD(0.01), loss, jit_compile=False)
        times[synchronised] = epoch_seconds(strategy, model, x, y, arguments.batch_size)
    plain = keras.Model(model.inputs, model.outputs)
    start = time.perf_counter()
    distribute.plan(strategy, plain, "pca", x, channels=0.5)
    statistics = time.perf_counter() - start
    steps = images // arguments.batch_size
    shapes = {layer.name: layer.output.shape[1:] for layer in watched}
    return {
        "epoch_seconds": times[True],
        "epoch_seconds_without_all_reduce": times[False],
        "share_of_all_reduce": 1 - times[False] / times[True],
        "milliseconds_per_step": 1e3 * times[True] / steps,
        "statistics_seconds": statistics,
        # A sum over images of every pixel and channel, and the number of images, in float32.
        "bytes": {name: 4 * (math.prod(shape) + 1) for name, shape in shapes.items()},
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def epoch_seconds(strategy, model, x, y, batch_size: int) -> float:
    """Seconds of a second epoch."""
    import keras

    class Clock(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.start = time.perf_counter()

        def on_epoch_end(self, epoch, logs=None):
            self.seconds = time.perf_counter() - self.start

    clock = Clock()
    strategy.fit(model, x, y, batch_size=batch_size, epochs=2, verbose=0, callbacks=[clock])
    return clock.seconds


def numbers(text: str) -> list[int]:
    """Numbers between commas."""
    return [int(word) for word in text.split(",")]


if __name__ == "__main__":
    main()
