"""Time to trace, plan and rewrite chains of 100, 1,000 and 3,000 layers.

    python -m benchmarks.linear_time --output=docs/results/linear_time.json

Two kinds of chains: dense layers, batch normalisations and activations in turn; and two dense
layers that are called in turn, so that one layer has thousands of calls. Times are processor
seconds, since the machine may be shared; `clone_model` of the same chain is the yardstick. The
exponent is that of a power law through the first and the last length: 1 is linear. Beside the JSON
file a picture is written.

Keras itself walks from a model's outputs to its inputs by recursion and meets Python's limit at
about a thousand layers. The chains are built under a higher limit, as such a model must be; reading
and rewriting them needs none.
"""

import argparse
import gc
import os
import pathlib
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from keras import layers

import ccm_tf
from ccm_tf.files import atomic_path, write_json

LENGTHS = (100, 1000, 3000)
STEPS = ("trace", "plan", "rewrite", "clone")
WIDTH = 4


def different(length):
    """Dense, batch normalisation and activation in turn, each a layer of its own."""
    x = inputs = keras.Input((WIDTH,))
    kinds = (lambda: layers.Dense(WIDTH), layers.BatchNormalization, layers.ReLU)
    for number in range(length):
        x = kinds[number % 3]()(x)
    return keras.Model(inputs, layers.Dense(2)(x))


def shared(length):
    """Two layers that are called in turn."""
    x = inputs = keras.Input((WIDTH,))
    pair = [layers.Dense(WIDTH), layers.Dense(WIDTH)]
    for number in range(length):
        x = pair[number % 2](x)
    return keras.Model(inputs, layers.Dense(2)(x))


CHAINS = {"different layers": different, "two shared layers": shared}


def deeply(length, work):
    """Calls `work` with room for Keras's recursion over a chain."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, 2 * length + 1000))
    try:
        return work()
    finally:
        sys.setrecursionlimit(before)


def seconds(work):
    """Processor seconds of a call, and its result. Garbage of earlier ones is not counted."""
    gc.collect()
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def traced(model):
    graph = ccm_tf.ChannelGraph(model)
    return len(graph.groups)


def measure(chain, length, repeats):
    """The least of a few repetitions for each step."""
    model = deeply(length, lambda: CHAINS[chain](length))
    plan = None
    least = dict.fromkeys(STEPS, np.inf)
    half = {"channels": 1.0, "ratios": {"*": 0.5}, "max_ratio": 0.5}
    for _ in range(repeats):
        spent = {"trace": seconds(lambda: traced(model))[0]}
        spent["plan"], plan = seconds(lambda: ccm_tf.plan(model, "random", **half))
        spent["rewrite"] = seconds(lambda plan=plan: ccm_tf.rewrite(model, plan))[0]
        spent["clone"] = seconds(lambda: deeply(length, lambda: keras.models.clone_model(model)))[0]
        least = {step: min(spent[step], least[step]) for step in STEPS}
    return {"chain": chain, "layers": length, "seconds": least}


def exponents(rows):
    """Chain and step to the exponent of the power law through its first and last length."""
    found = {}
    for chain in dict.fromkeys(row["chain"] for row in rows):
        own = sorted((r for r in rows if r["chain"] == chain), key=lambda r: r["layers"])
        growth = np.log(own[-1]["layers"] / own[0]["layers"])
        found[chain] = {
            step: float(np.log(own[-1]["seconds"][step] / own[0]["seconds"][step]) / growth)
            for step in STEPS
        }
    return found


def table(rows):
    lines = [f"{'chain':<20}{'layers':>7}" + "".join(f"{step:>10}" for step in STEPS)]
    for row in rows:
        cells = "".join(f"{row['seconds'][step]:>10.2f}" for step in STEPS)
        lines.append(f"{row['chain']:<20}{row['layers']:>7}{cells}")
    for chain, found in exponents(rows).items():
        cells = "".join(f"{found[step]:>10.2f}" for step in STEPS)
        lines.append(f"{chain:<20}{'power':>7}{cells}")
    return "\n".join(lines)


def picture(rows, path):
    """Seconds against layers, both logarithmic: lines of slope 1 are linear."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams.update({"svg.hashsalt": "ccm_tf", "font.size": 8})
    from matplotlib import pyplot

    chains = list(dict.fromkeys(row["chain"] for row in rows))
    figure, axes = pyplot.subplots(1, len(chains), figsize=(7, 3), sharey=True, squeeze=False)
    for axis, chain in zip(axes[0], chains, strict=True):
        own = [row for row in rows if row["chain"] == chain]
        lengths = [row["layers"] for row in own]
        for step in STEPS:
            style = "--" if step == "clone" else "-"
            label = "clone_model" if step == "clone" else step
            times = [row["seconds"][step] for row in own]
            axis.loglog(lengths, times, style, marker="o", markersize=3, label=label)
        axis.set(title=chain, xlabel="layers")
        axis.grid(alpha=0.3)
    axes[0][0].set(ylabel="processor seconds")
    axes[0][0].legend()
    figure.tight_layout()
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="svg", metadata={"Date": None})
    pyplot.close(figure)


def parse(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lengths", type=int, nargs="+", default=LENGTHS, help="layers per chain")
    parser.add_argument("--repeats", type=int, default=2, help="timings of which the least counts")
    parser.add_argument("--output", type=pathlib.Path, help="JSON file to write, beside an SVG")
    return parser.parse_args(arguments)


def main(arguments=None):
    options = parse(arguments)
    measure("different layers", 10, 1)  # what is done once per process
    rows = [
        measure(chain, length, options.repeats) for chain in CHAINS for length in options.lengths
    ]
    print(table(rows))
    if options.output:
        versions = {"keras": keras.__version__, "backend": keras.backend.backend()}
        found = {"versions": versions, "exponents": exponents(rows), "results": rows}
        write_json(options.output, found)
        picture(rows, options.output.with_suffix(".svg"))


if __name__ == "__main__":
    main()
