"""What the adversarial game adds to a training step beside a teacher: paired ratios in one run.

    python -m benchmarks.recovery --output=recovery.json

A slim VGG-16 and ResNet-56 (half the MACs) train beside their dense teacher: once with the
teacher's logits only, once as AIP does, with attention at the ends of stages and a discriminator
that makes a step of its own. The training steps of two students with the same weights alternate,
and every pair gives one ratio. Target: at most 1.6.
"""

import argparse
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

import ccm_tf
from benchmarks.ccm_overhead import environment, paired
from ccm_tf import recovery
from ccm_tf.files import write_json
from tasks.models import resnet, vgg16

CASES = {
    "vgg16": {"build": lambda: vgg16(10, width=0.5), "batch": 128},
    "resnet56": {"build": lambda: resnet(56, 10), "batch": 64},
}
TARGET = 1.6


def step_of(distiller, images, labels):
    """A distiller's training step on one batch, as a function without arguments."""
    distiller.compile(
        keras.optimizers.SGD(0.01, momentum=0.9),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        # XLA's convolutions on a CPU are far slower than oneDNN's.
        jit_compile=False if keras.backend.backend() == "tensorflow" else "auto",
    )
    return lambda: distiller.train_on_batch(images, labels)


def measure(name, pairs, warm_up):
    """One network: step times with the teacher's logits and with the game, and their ratio."""
    case = CASES[name]
    rng = np.random.default_rng(0)
    images = rng.normal(size=(case["batch"], 32, 32, 3)).astype("float32")
    labels = rng.integers(0, 10, size=case["batch"])
    teacher = case["build"]()
    plan = ccm_tf.plan(teacher, "magnitude", macs=0.5)
    students = [ccm_tf.rewrite(teacher, plan) for _ in range(2)]
    logits = recovery.LogitsTransfer(temperature=20.0)
    plain = recovery.Distiller(teacher, students[0], [logits])
    game = recovery.AdversarialDistiller(teacher, students[1])
    times = paired(step_of(plain, images, labels), step_of(game, images, labels), pairs, warm_up)
    wall, processor = times[1] / times[0]
    return {
        "network": name,
        "batch": case["batch"],
        "pairs": pairs,
        "logits_ms": 1e3 * float(np.median(times[0][0])),
        "game_ms": 1e3 * float(np.median(times[1][0])),
        "ratio": float(np.median(wall)),
        "ratio_quartiles": [float(q) for q in np.percentile(wall, (25, 75))],
        "processor_ratio": float(np.median(processor)),
        "target": TARGET,
    }


def table(rows):
    """The results, one line per network."""
    lines = [
        f"{'network':<10}{'logits ms':>11}{'game ms':>10}{'ratio':>8}{'quartiles':>14}"
        f"{'CPU time':>10}{'target':>8}"
    ]
    for row in rows:
        quartiles = "{:.3f}-{:.3f}".format(*row["ratio_quartiles"])
        lines.append(
            f"{row['network']:<10}{row['logits_ms']:>11.1f}{row['game_ms']:>10.1f}"
            f"{row['ratio']:>8.3f}{quartiles:>14}{row['processor_ratio']:>10.3f}"
            f"{row['target']:>8.2f}"
        )
    return "\n".join(lines)


def main(arguments=None):
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", action="append", choices=list(CASES), help="default: all")
    parser.add_argument("--pairs", type=int, default=20, help="timed pairs per network")
    parser.add_argument("--warm_up", type=int, default=3, help="pairs that are not counted")
    parser.add_argument("--output", help="JSON file to write")
    options = parser.parse_args(arguments)
    rows = [measure(name, options.pairs, options.warm_up) for name in options.network or CASES]
    print(table(rows))
    if options.output:
        write_json(options.output, {"environment": environment(), "results": rows})


if __name__ == "__main__":
    main()
