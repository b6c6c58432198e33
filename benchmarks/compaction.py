"""How training itself gets faster when masked channels are removed on the way.

    python -m benchmarks.compaction --output=docs/results/compaction.json

A VGG-16 loses 80 % of its multiply-accumulates in the first epochs, once with masks alone and once
with `compact_every=1`, from the same weights on the same images (noise: only time is looked at).
Processor time per epoch is what the figure shows beside the multiply-accumulates; the first epoch
after a compaction pays for compiling the smaller training step. The losses of both runs are
compared up to the first epoch after a compaction. Later they drift apart: narrower layers round
otherwise, and training on noise makes much of little.
"""

import argparse
import os
import pathlib
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from benchmarks.ccm_overhead import environment
from ccm_tf.callbacks import GradualPruning
from ccm_tf.files import write_json, write_text
from ccm_tf.schedules import PolynomialDecay
from tasks.models.vgg import vgg16


class Clock(keras.callbacks.Callback):
    """Processor and wall-clock seconds of every epoch."""

    def __init__(self):
        super().__init__()
        self.processor, self.wall = [], []

    def on_epoch_begin(self, epoch, logs=None):
        self._start = time.process_time(), time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.processor.append(time.process_time() - self._start[0])
        self.wall.append(time.perf_counter() - self._start[1])


def train(width, images, epochs, batch, compact_every):
    """One run: seconds, loss and what is left, epoch by epoch."""
    keras.utils.set_random_seed(0)
    model = vgg16(10, width)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(images, 32, 32, 3)).astype("float32")
    y = rng.integers(0, 10, images)
    model.compile(
        keras.optimizers.SGD(0.01, momentum=0.9),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,
    )
    steps = -(-images // batch)
    schedule = PolynomialDecay(0.0, 0.8, steps, epochs // 2 * steps, frequency=steps)
    clock = Clock()
    # The clock stands around the pruning, which is part of what an epoch takes.
    pruning = GradualPruning("magnitude", schedule, compact_every=compact_every)
    history = model.fit(
        x, y, batch_size=batch, epochs=epochs, verbose=0, shuffle=False, callbacks=[pruning, clock]
    ).history
    return {
        "processor_seconds": clock.processor,
        "wall_seconds": clock.wall,
        "loss": history["loss"],
        "kept_macs": history["kept_macs"],
        "params": model.count_params(),
    }


def table(result):
    """The results as lines of text."""
    masked, compact = result["masked"], result["compacted"]
    lines = [f"{'epoch':<7}{'MACs left':>10}{'masked CPU s':>14}{'compacted CPU s':>17}"]
    rows = zip(
        compact["kept_macs"], masked["processor_seconds"], compact["processor_seconds"], strict=True
    )
    for epoch, (macs, before, after) in enumerate(rows, start=1):
        lines.append(f"{epoch:<7}{macs:>10.1%}{before:>14.1f}{after:>17.1f}")
    lines.append(
        f"losses up to the first compacted epoch differ by {result['loss_difference']:.1e}"
    )
    return lines


def figure(result):
    """A picture of both runs' seconds per epoch as SVG text."""
    import io

    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    picture, axes = plt.subplots(figsize=(6, 3.2), layout="constrained")
    epochs = np.arange(1, len(result["masked"]["loss"]) + 1)
    axes.plot(epochs, result["masked"]["processor_seconds"], "o-", label="masks only")
    axes.plot(epochs, result["compacted"]["processor_seconds"], "s-", label="compact_every=1")
    axes.set(xlabel="epoch", ylabel="processor seconds", ylim=(0, None), xticks=epochs)
    left = axes.twinx()
    left.plot(epochs, result["compacted"]["kept_macs"], "k:", label="MACs left (right)")
    left.set(ylim=(0, 1.05), ylabel="share of MACs left")
    handles = [*axes.get_lines(), *left.get_lines()]
    axes.legend(handles, [line.get_label() for line in handles], frameon=False)
    text = io.StringIO()
    picture.savefig(text, format="svg", metadata={"Date": None})
    plt.close(picture)
    return text.getvalue()


def main(arguments=None):
    """Runs the program."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", help="JSON file for the results; the figure lies beside it")
    parser.add_argument("--width", type=float, default=0.25)
    parser.add_argument("--images", type=int, default=1024)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--batch", type=int, default=64)
    options = parser.parse_args(arguments)
    sizes = (options.width, options.images, options.epochs, options.batch)
    result = {"masked": train(*sizes, None), "compacted": train(*sizes, 1)}
    losses = np.abs(np.array(result["masked"]["loss"]) - result["compacted"]["loss"])
    first = int(np.argmax(np.array(result["compacted"]["kept_macs"]) < 1)) + 1
    result["loss_difference"] = float(losses[: first + 1].max())
    result["settings"] = {k: v for k, v in vars(options).items() if k != "output"}
    result["environment"] = environment()
    print("\n".join(table(result)))
    if options.output:
        write_json(options.output, result)
        write_text(pathlib.Path(options.output).with_suffix(".svg"), figure(result))


if __name__ == "__main__":
    main()
