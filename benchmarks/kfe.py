"""What Kronecker factors cost, and how well they predict the loss.

    python -m benchmarks.kfe --output=docs/results/kfe.json --plot=docs/results/kfe_prediction.svg

Speed: VGG-19 on random images of CIFAR-10's size. On the same batch, a plain forward and backward
pass (the gradient of every weight), a pass that gathers the channel factors, and one that builds
patches for the full factors alternate; every round gives one ratio each. Then all
eigendecompositions of the channel factors, and the largest memory of the process after each part.
Targets: channel factors at most 1.5 of a plain pass, eigendecompositions at most 0.5 s.

Prediction: a small convolutional network trained on scikit-learn's digits loses one to four random
directions, 20 times; the predicted rise of the training loss (half the importance of what goes),
with eigenvalues and rescaled (EKFAC), is compared with the measured one. Target: a rank correlation
above 0.9.
"""

import argparse
import itertools
import json
import os
import pathlib
import resource

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

import ccm_tf
from benchmarks.ccm_overhead import environment, seconds
from ccm_tf.files import atomic_path, write_json
from ccm_tf.graph import ChannelGraph
from ccm_tf.kfe.basis import eigen, eigenbasis
from ccm_tf.kfe.blocks import find_blocks
from ccm_tf.kfe.directions import Directions
from ccm_tf.kfe.factors import grams, kronecker_factors, patch_grams
from ccm_tf.kfe.fisher import squared_gradients
from ccm_tf.kfe.passes import PassOptions, gradient_pass
from ccm_tf.statistics.parallel import in_parallel
from tasks.models.eigendamage import vgg19


def plain_step(model, images, labels):
    """Forward and backward through all weights, in inference mode."""
    import tensorflow as tf

    images, labels = tf.constant(images), tf.constant(labels)

    @tf.function
    def gradients():
        with tf.GradientTape() as tape:
            logits = model(images, training=False)
            loss = keras.ops.sparse_categorical_crossentropy(labels, logits, from_logits=True)
            loss = keras.ops.sum(loss)
        return tape.gradient(loss, model.trainable_variables)

    return gradients


def factor_step(model, images, statistic):
    """One batch of a pass that gathers factors, its sums brought to the host in float64."""
    graph = ChannelGraph(model)
    blocks = [b for b in find_blocks(graph)[0].values() if not b.is_output]
    batches = ((images,) for _ in itertools.count())
    options = PassOptions(max_batches=10**9)
    found = gradient_pass(graph, blocks, batches, statistic, options)
    sums = None

    def step():
        nonlocal sums
        _, parts = next(found)
        parts = [[np.asarray(p, np.float64) for p in part] for part in parts]
        sums = parts if sums is None else keras.tree.map_structure(np.add, sums, parts)
        return sums

    return step


def peak_megabytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def speed(width, batch, rounds):
    """Times of the passes, ratios within each round, and memory."""
    rng = np.random.default_rng(0)
    images = rng.normal(size=(batch, 32, 32, 3)).astype("float32")
    model = vgg19(10, width)
    steps = {
        "plain": plain_step(model, images, rng.integers(0, 10, batch)),
        "channel": factor_step(model, images, grams),
        "patches": factor_step(model, images, patch_grams),
    }
    memory = {"start": peak_megabytes()}
    for name, step in steps.items():
        # The first call compiles.
        step()
        memory[name] = peak_megabytes()
    times = {name: [] for name in steps}
    for _ in range(rounds):
        for name, step in steps.items():
            times[name].append(seconds(step))
    times = {name: np.array(values).T for name, values in times.items()}
    row = {"network": "vgg19", "width": width, "batch": batch, "rounds": rounds}
    for name in steps:
        row[f"{name}_seconds"] = float(np.median(times[name][0]))
        row[f"{name}_peak_megabytes"] = memory[name]
    for name in ("channel", "patches"):
        wall, processor = times[name] / times["plain"]
        row[f"{name}_ratio"] = float(np.median(wall))
        row[f"{name}_ratio_quartiles"] = [float(q) for q in np.percentile(wall, (25, 75))]
        row[f"{name}_processor_ratio"] = float(np.median(processor))
    row["start_peak_megabytes"] = memory["start"]
    row |= {"target_ratio": 1.5, "target_eigen_seconds": 0.5}
    matrices = [m for inputs, outputs, _ in steps["channel"]() for m in (inputs, outputs)]
    runs = [seconds(lambda: in_parallel(eigen, matrices)) for _ in range(5)]
    wall, processor = np.min(runs, axis=0)
    row |= {"eigen_seconds": float(wall), "eigen_processor_seconds": float(processor)}
    row["eigen_matrices"] = len(matrices)
    return row


def digits(epochs):
    """A small network, trained, and what it was trained on."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    x = (x.reshape(-1, 8, 8, 1) / 16).astype("float32")
    keras.utils.set_random_seed(0)
    layers = [keras.Input((8, 8, 1))]
    for number, strides in enumerate((1, 2, 1), start=1):
        layers.append(
            keras.layers.Conv2D(
                24, 3, strides, padding="same", use_bias=False, name=f"conv{number}"
            )
        )
        layers += [keras.layers.BatchNormalization(momentum=0.9), keras.layers.ReLU()]
    layers += [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(10, name="logits")]
    model = keras.Sequential(layers)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(3e-3), loss, metrics=["accuracy"], jit_compile=False)
    history = model.fit(x, y, batch_size=64, epochs=epochs, verbose=0)
    return model, x, y, history.history["accuracy"][-1]


def prediction(epochs, prunings, seed=1):
    """Predicted and measured rise of the training loss for random small prunings."""
    model, x, y, accuracy = digits(epochs)
    graph = ChannelGraph(model)
    blocks = {n: b for n, b in find_blocks(graph)[0].items() if not b.is_output}
    factors = kronecker_factors(model, x, layers=list(blocks))
    bases = {name: eigenbasis(block.kernel(), factors[name]) for name, block in blocks.items()}
    rotations = {name: (basis.inputs, basis.outputs) for name, basis in bases.items()}
    squares = squared_gradients(graph, list(blocks.values()), x, factors.options, rotations)
    rescaled = {name: basis.rescaled(squares[name][0]) for name, basis in bases.items()}
    before = _loss(model, x, y)
    rng = np.random.default_rng(seed)
    points = []
    for _ in range(prunings):
        kept = _some_dropped(blocks, rng)
        chosen = {
            name: Directions(bases[name].inputs[:, i], bases[name].outputs[:, o])
            for name, (i, o) in kept.items()
        }
        slim = ccm_tf.rewrite(model, ccm_tf.EigenPlan(chosen, graph.fingerprint))
        points.append(
            {
                "dropped": {
                    n: [blocks[n].shape[1 + side] - len(k[side]) for side in (0, 1)]
                    for n, k in kept.items()
                },
                "predicted": sum(bases[n].rise(*k) for n, k in kept.items()),
                "rescaled": sum(rescaled[n].rise(*k) for n, k in kept.items()),
                "measured": _loss(slim, x, y) - before,
            }
        )
    return {
        "training_accuracy": float(accuracy),
        "training_loss": before,
        "prunings": points,
        "rank_correlation": _rank_correlation(points, "predicted"),
        "rescaled_rank_correlation": _rank_correlation(points, "rescaled"),
        "target_rank_correlation": 0.9,
    }


def _some_dropped(blocks, rng, most=4):
    """Directions that stay when one to four random ones of all layers go."""
    units = [
        (name, side, index)
        for name, block in blocks.items()
        for side in (0, 1)
        for index in range(block.shape[1 + side])
        if block.shape[1 + side] > 1
    ]
    chosen = [units[i] for i in rng.choice(len(units), rng.integers(1, most + 1), replace=False)]
    return {
        name: tuple(
            np.setdiff1d(
                np.arange(blocks[name].shape[1 + side]),
                [i for n, s, i in chosen if (n, s) == (name, side)],
            )
            for side in (0, 1)
        )
        for name in dict.fromkeys(name for name, _, _ in chosen)
    }


def _rank_correlation(points, key):
    values = np.array([[p[key], p["measured"]] for p in points])
    ranks = values.argsort(axis=0).argsort(axis=0)
    return float(np.corrcoef(ranks.T)[0, 1])


def _loss(model, x, y):
    logits = model(x, training=False)
    loss = keras.ops.sparse_categorical_crossentropy(y, logits, from_logits=True)
    return float(keras.ops.mean(loss))


def plot(result, path):
    """Predicted against measured rises."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    points = result["prunings"]
    figure, axes = pyplot.subplots(figsize=(6, 4.2))
    measured = [p["measured"] for p in points]
    both = [m for m in measured if m > 0]
    for key, name, mark in (
        ("predicted", "eigenvalues", "o"),
        ("rescaled", "rescaled (EKFAC)", "^"),
    ):
        prefix = "" if key == "predicted" else "rescaled_"
        label = f"{name}: rank correlation {result[prefix + 'rank_correlation']:.3f}"
        axes.scatter([p[key] for p in points], measured, s=24, marker=mark, label=label)
        both += [p[key] for p in points]
    axes.plot([min(both), max(both)], [min(both), max(both)], color="#999999", linewidth=1)
    axes.set(xscale="log", xlabel="predicted rise of the training loss", ylabel="measured rise")
    axes.set_yscale("symlog", linthresh=min(both))
    axes.legend(loc="upper left", frameon=False)
    figure.tight_layout()
    with atomic_path(path) as temporary:
        figure.savefig(temporary, metadata={"Date": None} if str(path).endswith("svg") else None)
    pyplot.close(figure)


def table(row):
    return "\n".join(
        [
            f"plain pass      {row['plain_seconds']:8.2f} s",
            f"channel factors {row['channel_seconds']:8.2f} s  ratio {row['channel_ratio']:.2f} "
            f"(target {row['target_ratio']})",
            f"full patches    {row['patches_seconds']:8.2f} s  ratio {row['patches_ratio']:.2f}",
            f"eigen           {row['eigen_seconds']:8.2f} s  for {row['eigen_matrices']} matrices, "
            f"{row['eigen_processor_seconds']:.2f} s of processor time "
            f"(target {row['target_eigen_seconds']} s)",
            f"peak memory     {row['plain_peak_megabytes']} / {row['channel_peak_megabytes']} / "
            f"{row['patches_peak_megabytes']} MB after plain / channel / patches",
        ]
    )


def parse(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", action="append", choices=("speed", "prediction"))
    parser.add_argument("--width", type=float, default=1.0, help="width of VGG-19")
    parser.add_argument("--batch", type=int, default=32, help="images per batch")
    parser.add_argument("--rounds", type=int, default=5, help="timed rounds")
    parser.add_argument("--epochs", type=int, default=20, help="epochs on the digits")
    parser.add_argument("--prunings", type=int, default=20, help="random prunings")
    parser.add_argument("--output", help="JSON file to write")
    parser.add_argument("--plot", help="picture to write")
    return parser.parse_args(arguments)


def main(arguments=None):
    options = parse(arguments)
    parts = options.part or ["prediction", "speed"]
    result = {}
    if "prediction" in parts:
        result["prediction"] = found = prediction(options.epochs, options.prunings)
        print(
            f"loss prediction over {options.prunings} prunings: rank correlation "
            f"{found['rank_correlation']:.3f}, rescaled {found['rescaled_rank_correlation']:.3f} "
            f"(target {found['target_rank_correlation']})",
            flush=True,
        )
        if options.plot:
            plot(found, options.plot)
    if "speed" in parts:
        result["speed"] = speed(options.width, options.batch, options.rounds)
        print(table(result["speed"]))
    if options.output:
        path = pathlib.Path(options.output)
        before = json.loads(path.read_text()) if path.is_file() else {}
        write_json(path, {**before, "environment": environment(), **result})


if __name__ == "__main__":
    main()
