"""What CCM-loss adds to a training step: paired, interleaved ratios in one run.

    python -m benchmarks.ccm_overhead --output=ccm_overhead.json

For each network there are two models with the same weights and the same batch, one with CCM-loss
on every feature map and one without. Their training steps alternate, the first of each pair
changing from pair to pair, and every pair gives one ratio. Machine noise is common to both halves
of a pair, so the median of the ratios is steadier than the ratio of two runs. The same ratio in
processor time depends less on what else the machine does.

Targets: at most 1.03 for VGG-16 (batch 128, 12 maps) and 1.05 for ResNet-56 (batch 64, 55 maps).
"""

import argparse
import os
import platform
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from ccm_tf.ccm.correlation import OVER
from ccm_tf.ccm.features import feature_layers
from ccm_tf.ccm.loss import CCMLoss
from ccm_tf.ccm.model import Model
from ccm_tf.files import write_json
from tasks.models.resnet import resnet
from tasks.models.vgg import vgg16

CASES = {
    "vgg16": {"build": lambda: vgg16(10), "batch": 128, "target": 1.03},
    "resnet56": {"build": lambda: resnet(56, 10), "batch": 64, "target": 1.05},
}


def train_step(model, images, labels):
    """A compiled model's training step on one batch, as a function without arguments."""
    model.compile(
        keras.optimizers.SGD(0.01, momentum=0.9),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return lambda: model.train_on_batch(images, labels)


def seconds(step):
    """Wall-clock and processor seconds of one step; the latter over all threads."""
    wall, processor = time.perf_counter(), time.process_time()
    step()
    return time.perf_counter() - wall, time.process_time() - processor


def paired(first, second, pairs, warm_up):
    """Alternating timings of two steps: for each, wall-clock and processor seconds per pair."""
    times = []
    for pair in range(-warm_up, pairs):
        if pair % 2:
            b, a = seconds(second), seconds(first)
        else:
            a, b = seconds(first), seconds(second)
        if pair >= 0:
            times.append((a, b))
    return np.asarray(times).transpose(1, 2, 0)


def measure(name, over, pairs, warm_up):
    """One network: step times without and with the loss, and the ratio with its spread."""
    case = CASES[name]
    rng = np.random.default_rng(0)
    images = keras.ops.convert_to_tensor(rng.normal(size=(case["batch"], 32, 32, 3)), "float32")
    labels = keras.ops.convert_to_tensor(rng.integers(0, 10, size=case["batch"]), "int32")
    plain, watched = case["build"](), Model.from_model(case["build"]())
    watched.set_weights(plain.get_weights())
    layers = feature_layers(watched)
    for layer in layers:
        watched.add_loss(CCMLoss(layer, over=over))
    without, with_loss = paired(
        train_step(plain, images, labels), train_step(watched, images, labels), pairs, warm_up
    )
    wall, processor = with_loss / without
    return {
        "network": name,
        "over": over,
        "batch": case["batch"],
        "maps": len(layers),
        "pairs": pairs,
        "without_ms": 1e3 * float(np.median(without[0])),
        "with_ms": 1e3 * float(np.median(with_loss[0])),
        "ratio": float(np.median(wall)),
        "ratio_quartiles": [float(q) for q in np.percentile(wall, (25, 75))],
        "ratio_of_minima": float(with_loss[0].min() / without[0].min()),
        "processor_ratio": float(np.median(processor)),
        "processor_ratio_quartiles": [float(q) for q in np.percentile(processor, (25, 75))],
        # The target is for the published loss.
        "target": case["target"] if over == "mean_map" else None,
    }


def environment():
    return {
        "keras": keras.__version__,
        "backend": keras.backend.backend(),
        "python": platform.python_version(),
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
    }


def table(rows):
    lines = [
        f"{'network':<10}{'over':<10}{'maps':>5}{'without ms':>12}{'with ms':>10}"
        f"{'ratio':>8}{'quartiles':>13}{'minima':>8}{'CPU time':>10}{'quartiles':>13}{'target':>8}"
    ]
    for row in rows:
        target = "" if row["target"] is None else f"{row['target']:.2f}"
        lines.append(
            f"{row['network']:<10}{row['over']:<10}{row['maps']:>5}"
            f"{row['without_ms']:>12.1f}{row['with_ms']:>10.1f}"
            f"{row['ratio']:>8.3f}{_range(row['ratio_quartiles']):>13}"
            f"{row['ratio_of_minima']:>8.3f}"
            f"{row['processor_ratio']:>10.3f}{_range(row['processor_ratio_quartiles']):>13}"
            f"{target:>8}"
        )
    return "\n".join(lines)


def _range(quartiles):
    return "{:.3f}-{:.3f}".format(*quartiles)


def parse(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", action="append", choices=list(CASES), help="default: all")
    parser.add_argument("--over", action="append", choices=list(OVER), help="default: mean_map")
    parser.add_argument("--pairs", type=int, default=40, help="timed pairs per network")
    parser.add_argument("--warm_up", type=int, default=3, help="pairs that are not counted")
    parser.add_argument("--output", help="JSON file to write")
    return parser.parse_args(arguments)


def main(arguments=None):
    options = parse(arguments)
    rows = [
        measure(network, over, options.pairs, options.warm_up)
        for network in options.network or CASES
        for over in options.over or OVER[:1]
    ]
    print(table(rows))
    if options.output:
        write_json(options.output, {"environment": environment(), "results": rows})


if __name__ == "__main__":
    main()
