"""Every constructor of `keras.applications`, pruned by half at random and checked.

    python -m benchmarks.applications             # runs what is missing, one process per model
    python -m benchmarks.applications --list      # what is done and missing
    python -m benchmarks.applications --only=ResNet50 --again
    python .ci/applications_table.py --write      # the page in docs/

Each model has random weights, the smallest input that its constructor takes, and 1000 classes.
Half of the free channels of every group go. Checked are: the slim model's outputs are those of the
masked model, up to 1e-5 of the largest; a `.keras` file of it loads and computes the same; two
training steps change its weights and leave its loss finite. Times are processor seconds, since the
machine may be shared, in turn with those of `keras.models.clone_model` of the same model; with
several repetitions the least counts.
"""

import argparse
import inspect
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

RESULTS = pathlib.Path(__file__).parents[1] / "docs" / "results" / "applications.jsonl"
SIZES = (32, 71, 75)
TOLERANCE = 1e-5


def constructors():
    """Name to constructor, in alphabetical order."""
    import keras

    found = vars(keras.applications).items()
    return {name: make for name, make in sorted(found) if inspect.isfunction(make)}


def build(name, sizes=SIZES):
    """A model with random weights and the smallest input that its constructor accepts."""
    make = constructors()[name]
    for size in sizes:
        try:
            return make(weights=None, input_shape=(size, size, 3), classifier_activation=None)
        except ValueError as error:
            refused = error
    raise refused


def randomise(model, images):
    """Weights with which every channel matters, and statistics of the images.

    As constructed, biases are zero, the scales of ConvNeXt almost, and signals fade on their way:
    a wrong slice would go unnoticed.
    """
    import keras
    import numpy as np

    import ccm_tf

    rng = np.random.default_rng(0)
    normalised = any(isinstance(x, keras.layers.BatchNormalization) for x in model.layers)
    for weight in model.weights:
        kind = weight.path.split("/")[-1]
        if kind in ("bias", "beta", "mean"):
            weight.assign(rng.normal(0.0, 0.1, weight.shape))
        elif len(weight.shape) == 1 and not kind.startswith("moving"):
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
        elif not normalised and len(weight.shape) > 1:
            # What a rectifier halves; ten of them leave nothing.
            weight.assign(weight * 2**0.5)
    for layer in model.layers:
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()  # it computes with what its weights were at that time
    if normalised:
        ccm_tf.recalibrate(model, images)


def check_outputs(masked, slim, images):
    """Largest difference, relative to the largest output; and the slim outputs.

    Raises:
        ValueError: If it is above the tolerance.
    """
    import keras
    import numpy as np

    a, b = (keras.ops.convert_to_numpy(m(images, training=False)) for m in (masked, slim))
    spread = np.ptp(a, axis=0).max()
    if not spread > 10 * TOLERANCE * np.abs(a).max():
        raise ValueError("The masked model's outputs are all the same or not finite.")
    error = float(np.abs(a - b).max() / np.abs(a).max())
    if not error <= TOLERANCE:
        raise ValueError(f"Slim and masked outputs differ by {error:.1e} of the largest output.")
    return error, b


def check_round_trip(slim, images, outputs):
    """Saves and loads; the loaded model has to compute the same, up to rounding.

    Raises:
        ValueError: If it does not.
    """
    import keras
    import numpy as np

    with tempfile.TemporaryDirectory() as folder:
        slim.save(pathlib.Path(folder, "slim.keras"))
        loaded = keras.saving.load_model(pathlib.Path(folder, "slim.keras"))
    again = keras.ops.convert_to_numpy(loaded(images, training=False))
    if not np.abs(outputs - again).max() <= 1e-6 * np.abs(outputs).max():
        raise ValueError("A saved and loaded slim model computes something else.")


def check_training(slim, images, steps=2):
    """Losses of some training steps.

    Raises:
        ValueError: If a loss is not finite or no weight changed.
    """
    import keras
    import numpy as np

    before = [float(np.sum(w)) for w in slim.get_weights()]
    # Without compilation: two steps are not worth the minutes that it takes.
    slim.compile(
        keras.optimizers.SGD(1e-4, global_clipnorm=1.0),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        run_eagerly=True,
        jit_compile=False,
    )
    labels = np.arange(len(images)) % slim.output_shape[-1]
    losses = [float(slim.train_on_batch(images, labels)) for _ in range(steps)]
    after = [float(np.sum(w)) for w in slim.get_weights()]
    if not np.isfinite(losses).all() or before == after:
        raise ValueError(f"Training does not work: losses {losses}.")
    return losses


def kept_reasons(graph):
    """Why channels stay: reason without names to number of channels, most first."""
    counts = {}
    for group in graph.groups:
        for root in group.frozen:
            first, *_ = graph.reasons_for([root]) or ("no layer makes it",)
            reason = re.sub(r"^'[^']*' ", "", first)
            counts[reason] = counts.get(reason, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: -item[1]))


def timed(work):
    """Processor seconds that `work()` takes, and what it returns."""
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def times(model, plan, repeats):
    """Processor seconds of each call, the graph and the slim model."""
    import keras

    import ccm_tf

    least = {}
    graph = slim = None
    for _ in range(repeats):
        slim = None  # the one of the last repetition makes place
        spent = {"clone": timed(lambda: keras.models.clone_model(model))[0]}
        spent["trace"], graph = timed(lambda: traced(model))
        spent["rewrite"], slim = timed(lambda: ccm_tf.rewrite(model, plan))
        least = {key: min(value, least.get(key, value)) for key, value in spent.items()}
    return least, graph, slim


def measure(name, repeats=1):
    """All columns of one model."""
    import keras
    import numpy as np

    import ccm_tf

    keras.utils.set_random_seed(0)
    model = build(name)
    shape = (8, *model.input_shape[1:])
    images = np.random.default_rng(0).normal(size=shape).astype("float32")
    images *= np.linspace(0.5, 3.0, len(images), dtype="float32")[:, None, None, None]
    if any(isinstance(layer, keras.layers.Rescaling) for layer in model.layers):
        images *= 255  # the model divides them
    randomise(model, images)
    half = {"channels": 1.0, "ratios": {"*": 0.5}, "max_ratio": 0.5}
    planning, plan = timed(lambda: ccm_tf.plan(model, "random", **half))
    seconds, graph, slim = times(model, plan, repeats)
    few = images[[0, -1]]
    row = {
        "model": name,
        "input": list(model.input_shape[1:]),
        "groups": len(graph.groups),
        "channels": int(sum(len(g.roots) + len(g.frozen) for g in graph.groups)),
        "free": int(sum(len(g.roots) for g in graph.groups)),
        "kept": kept_reasons(graph),
        "operations": len(graph.trace.calls),
        "params": [plan.counts["dense"]["params"], slim.count_params()],
        "macs": [plan.counts["dense"]["macs"], ccm_tf.profile(slim).macs],
        "seconds": {**seconds, "plan": planning},
    }
    masked = ccm_tf.mask(model, plan)
    model = graph = None  # the memory is needed for what follows
    row["error"], outputs = check_outputs(masked, slim, few)
    masked = None
    check_round_trip(slim, few, outputs)
    # All eight: over a pixel of two images, batch norm makes gradients of a deep network overflow,
    # of the dense EfficientNetV2L and V2M as of the slim ones.
    row["losses"] = check_training(slim, images)
    row["versions"] = {"keras": keras.__version__, "backend": keras.backend.backend()}
    return row


def traced(model):
    """The graph of a model with its groups, which are made when they are first asked for."""
    import ccm_tf

    graph = ccm_tf.ChannelGraph(model)
    _ = graph.groups
    return graph


def done(path):
    """Rows that are there already, by model."""
    if not path.exists():
        return {}
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
    return {row["model"]: row for row in rows}


def write(path, rows):
    """One line per model, in alphabetical order."""
    from ccm_tf.files import write_text

    write_text(path, "".join(json.dumps(rows[name]) + "\n" for name in sorted(rows)))


def run_all(names, path, repeats, again=False):
    """Measures what is missing, a process for each model; returns the names that failed."""
    failed = []
    for name in names:
        if name in done(path) and not again:
            continue
        command = [sys.executable, "-m", "benchmarks.applications", f"--model={name}"]
        start = time.perf_counter()
        result = subprocess.run(
            [*command, f"--repeats={repeats}"], stdout=subprocess.PIPE, text=True, check=False
        )
        print(f"{name}: exit {result.returncode}, {time.perf_counter() - start:.0f} s", flush=True)
        if result.returncode:
            failed.append(name)
            continue
        row = json.loads(result.stdout.splitlines()[-1])
        write(path, {**done(path), name: row})
    return failed


def parse(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=pathlib.Path, default=RESULTS, help="JSON lines to extend")
    parser.add_argument("--only", action="append", help="constructors to run; default: all")
    parser.add_argument("--again", action="store_true", help="also those that are done")
    parser.add_argument("--list", action="store_true", help="show what is done and missing")
    parser.add_argument("--repeats", type=int, default=1, help="timings of which the least counts")
    parser.add_argument("--model", help="measure this one here and print its line")
    return parser.parse_args(arguments)


def main(arguments=None):
    options = parse(arguments)
    if options.model:
        print(json.dumps(measure(options.model, options.repeats)))
        return 0
    names = options.only or list(constructors())
    if options.list:
        rows = done(options.output)
        for name in names:
            print(f"{'done' if name in rows else 'missing':8} {name}")
        return 0
    failed = run_all(names, options.output, options.repeats, options.again)
    if failed:
        print("failed: " + ", ".join(failed))
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
