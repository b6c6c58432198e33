"""What a pass of relevance scores costs: paired with a forward and backward pass.

    python -m benchmarks.relevance --output=docs/results/relevance.json

For each network the scoring pass of the criterion "relevance" and a forward and backward pass (the
loss and its gradient with respect to all weights) over the same batch alternate, the first of each
pair changing from pair to pair. Both are compiled. The median ratio in processor time is what the
method costs, whatever else the machine does.

Target: at most 2. The published code needs 2.3 to 2.5, and up to four passes over the data.
"""

import argparse
import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from benchmarks.ccm_overhead import environment, paired
from ccm_tf.criteria.streaming import seen_in_maps
from ccm_tf.files import write_json
from ccm_tf.graph import ChannelGraph
from ccm_tf.lrp.passes import Place, scorer
from ccm_tf.lrp.settings import Settings
from ccm_tf.statistics.gradients import gradient
from ccm_tf.statistics.objective import Objective
from tasks.models.resnet import resnet
from tasks.models.vgg import vgg16

CASES = {
    "vgg16": lambda width: vgg16(10, width),
    "resnet56": lambda width: resnet(56, 10, width),
}
TARGET = 2.0


def training_pass(model, graph, images, labels):
    """The gradient of the loss with respect to all weights, in inference mode."""
    objective = Objective(graph.trace)
    (targets,) = objective.targets(labels)
    variables = model.trainable_variables

    def loss(points, images, targets):
        return keras.ops.mean(objective([targets], graph.trace.run(images)))

    differentiate = gradient(model, loss, variables)
    values = [keras.ops.convert_to_numpy(v) for v in variables]
    return lambda: [np.asarray(g) for g in differentiate(values, images, targets)]


def scoring_pass(graph, images, labels, classes):
    """The relevance of every feature map, summed over pixels."""
    maps, _ = seen_in_maps([group for group in graph.groups if len(group.roots)])
    places = [Place(m.tensor, m.axis) for m in maps]
    score = scorer(graph, places, Settings())
    starts = np.eye(classes, dtype="float32")[labels]
    return lambda: [np.asarray(r) for r in score(images, starts)]


def measure(name, width, batch, pairs, warm_up):
    """One network: seconds of both passes and the ratio with its spread."""
    keras.utils.set_random_seed(0)
    model = CASES[name](width)
    graph = ChannelGraph(model)
    rng = np.random.default_rng(0)
    images = rng.normal(size=(batch, 32, 32, 3)).astype("float32")
    labels = rng.integers(0, 10, batch)
    training, scoring = paired(
        training_pass(model, graph, images, labels),
        scoring_pass(graph, images, labels, 10),
        pairs,
        warm_up,
    )
    wall, processor = scoring / training
    return {
        "network": name,
        "width": width,
        "batch": batch,
        "pairs": pairs,
        "training_ms": 1e3 * float(np.median(training[0])),
        "scoring_ms": 1e3 * float(np.median(scoring[0])),
        "ratio": float(np.median(wall)),
        "ratio_quartiles": [float(q) for q in np.percentile(wall, (25, 75))],
        "processor_ratio": float(np.median(processor)),
        "processor_ratio_quartiles": [float(q) for q in np.percentile(processor, (25, 75))],
        "target": TARGET,
    }


def table(rows):
    """The results as lines of text."""
    lines = [
        f"{'network':<10}{'width':>7}{'forward+backward ms':>21}{'scoring ms':>12}{'ratio':>8}"
        f"{'CPU time':>10}{'quartiles':>13}{'target':>8}"
    ]
    for row in rows:
        low, high = row["processor_ratio_quartiles"]
        lines.append(
            f"{row['network']:<10}{row['width']:>7}{row['training_ms']:>21.1f}"
            f"{row['scoring_ms']:>12.1f}{row['ratio']:>8.2f}{row['processor_ratio']:>10.2f}"
            f"{f'{low:.2f}–{high:.2f}':>13}{row['target']:>8.1f}"
        )
    return lines


def main(arguments=None):
    """Runs the program."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", help="JSON file for the results")
    parser.add_argument("--networks", nargs="+", choices=list(CASES), default=list(CASES))
    parser.add_argument("--width", type=float, default=0.25)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--warm_up", type=int, default=2)
    options = parser.parse_args(arguments)
    start = time.time()
    rows = [
        measure(name, options.width, options.batch, options.pairs, options.warm_up)
        for name in options.networks
    ]
    print("\n".join(table(rows)))
    if options.output:
        result = {"environment": environment(), "seconds": time.time() - start, "rows": rows}
        write_json(options.output, result)


if __name__ == "__main__":
    main()
