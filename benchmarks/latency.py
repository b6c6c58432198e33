"""Latency of pruned networks in LiteRT, and how well a table of operators predicts it.

    python -m benchmarks.latency --output=docs/results/latency.json

On one thread, one image at a time, everything that is compared measured in turns:

- `vgg16`: VGG-16 for CIFAR-10 at the widths that the reference of CCM-loss found at tau = 0.6,
  against the dense network, in float32 and int8, with these widths, with widths rounded up to 8 and
  to the steps of this machine's kernels, and with multiples of these steps for no more MACs; the
  median of files that were opened three times;
- `half`: ResNet-50 and MobileNetV2 with half of their MACs, and where the time goes;
- `prediction`: what the latency table says of six networks, dense and with half of their MACs,
  against what was measured, the median of files that were opened three times;
- `budget`: plans for half of the latency, measured.

Weights are random: they have no influence on time. `median_ms` is over all calls; speed-ups are
medians over turns. `processor_ms`, and all that follows from it, leaves out the time in which the
thread had to wait for other processes: on an idle machine both say the same; on a busy one only the
latter says something about the networks (though memory and caches are shared all the same). The
load average stands beside every part.

`--processor=avx_vnni` or `avx2` hides wider instructions from LiteRT, which then takes the kernels
of processors without them, see `benchmarks.processor`.
"""

import argparse
import json
import os
import pathlib
import statistics
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

import ccm_tf
from benchmarks import processor
from ccm_tf.files import write_json
from ccm_tf.latency.cache import this_device
from ccm_tf.latency.work import model_work
from tasks.models import build, vgg16

TAU = (11, 32, 68, 66, 125, 113, 113, 218, 121, 94, 60, 27, 512)
CIFAR = (32, 32, 3)
OPENINGS = 3
PARTS = ("vgg16", "half", "prediction", "budget")


def application(name):
    """Without a softmax: eight bits would make a thousand equal probabilities zeros."""
    return getattr(keras.applications, name)(weights=None, classifier_activation=None)


NETWORKS = {
    "VGG-16, CIFAR-10": lambda: build("vgg16", 10, 1.0, CIFAR),
    "ResNet-56, CIFAR-10": lambda: build("resnet56", 10, 1.0, CIFAR),
    "ResNet-18, CIFAR-10": lambda: build("resnet18", 10, 1.0, CIFAR),
    "MobileNet": lambda: application("MobileNet"),
    "MobileNetV2": lambda: application("MobileNetV2"),
    "ResNet-50": lambda: application("ResNet50"),
}


def rounded(widths, step):
    """Widths rounded up to a multiple, but no wider than dense."""
    dense = (64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)
    return [min(-(-width // step) * step, most) for width, most in zip(widths, dense, strict=True)]


def aligned(widths, step):
    """Multiples next to the widths, then one step less where they grew most, for no more MACs.

    Args:
        widths: Channels of every convolution.
        step: What the widths become multiples of.

    Returns:
        The widths; `None` if even the least multiples cost more.
    """
    most = macs_of(widths)
    found = [max(step, int(width / step + 0.5) * step) for width in widths]
    while macs_of(found) > most:
        grown = [new / old if new > step else 0.0 for new, old in zip(found, widths, strict=True)]
        if not any(grown):
            return None
        found[int(np.argmax(grown))] -= step
    return found


def kinds_of_widths(step):
    """The widths to compare, by name.

    Args:
        step: In which steps of channels the time of this machine's kernels grows.
    """
    found = {"dense": None, "exact": TAU}
    for one in sorted({8, step} - {1}):
        found[f"multiples of {one}"] = rounded(TAU, one)
        if fewer := aligned(TAU, one):
            found[f"multiples of {one}, no more MACs"] = fewer
    return found


def macs_of(widths):
    """Multiply-accumulates of VGG-16 with these widths."""
    return ccm_tf.profile(vgg16(10, 1.0, input_shape=CIFAR, widths=widths)).macs


class Files:
    """LiteRT files of models, in a folder of their own.

    Args:
        folder: Where to write.
    """

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.count = 0

    def of(self, model, quantize=None):
        """A file for a model; with random images where ranges have to be measured."""
        self.count += 1
        path = self.folder / f"{self.count}.tflite"
        shape = (8, *model.input_shape[1:])
        images = np.random.default_rng(0).standard_normal(shape).astype("float32")
        # Random weights blow up or dull what passes: what matters here is time.
        ccm_tf.export_tflite(
            model, path, quantize=quantize, calibration=images if quantize else None, tolerance=0.9
        )
        return path


def figures(row, first):
    """What is kept of one row of a benchmark."""
    found = row.as_dict()
    low, high = found["quartile_ms"]
    return {
        "median_ms": found["median_ms"],
        "quartile_ms": [low, high],
        "least_ms": found["min_ms"],
        "processor_ms": found["processor_ms"],
        "speed_up": row.times_faster_than(first),
        "processor_speed_up": row.times_faster_than(first, processor=True),
    }


def measure_vgg16(files, runs):
    """VGG-16 at the reference's widths against dense."""
    for dtype, quantize in (("float32", None), ("int8", "int8")):
        steps = ccm_tf.latency_table(NETWORKS["VGG-16, CIFAR-10"](), dtype=dtype).steps["conv"]
        kinds = kinds_of_widths(steps[1])
        models = {name: vgg16(10, 1.0, input_shape=CIFAR, widths=w) for name, w in kinds.items()}
        macs = {name: ccm_tf.profile(model).macs for name, model in models.items()}
        paths = [files.of(model, quantize) for model in models.values()]
        opened = paths * OPENINGS
        rows = ccm_tf.benchmark_latency(opened[0], runs=runs, against=opened[1:]).rows
        count = len(paths)
        for index, (name, path) in enumerate(zip(models, paths, strict=True)):
            ratio = macs["dense"] / macs[name]
            about = {"numbers": dtype, "widths": name, "mac_ratio": ratio}
            alone = ccm_tf.benchmark_latency(path, runs=runs, layers=True).layers
            about["convolutions_ms"] = convolutions(alone)
            yield about | middle(map(figures, rows[index::count], rows[::count]))


def middle(found):
    """Of the figures of files that were opened more than once, those with the median speed-up."""
    ordered = sorted(found, key=lambda one: (one["processor_speed_up"], one["processor_ms"]))
    return ordered[len(ordered) // 2]


def convolutions(layers):
    """Channels and milliseconds of convolutions run alone, in their order."""
    found = [layer for layer in layers if layer.kind == "CONV_2D"]
    return [[layer.output_shape[-1], layer.milliseconds] for layer in found]


def half(model):
    """A model with half of its multiply-accumulates: a random choice is as fast as any."""
    return ccm_tf.rewrite(model, ccm_tf.plan(model, "random", macs=0.5, max_ratio=0.9))


def measure_half(files, runs, networks):
    """Networks with half of their MACs against dense, with the time of each kind of operator."""
    for name in networks:
        model = NETWORKS[name]()
        slim = half(model)
        for dtype, quantize in (("float32", None), ("int8", "int8")):
            paths = [files.of(model, quantize), files.of(slim, quantize)]
            found = ccm_tf.benchmark_latency(paths[0], runs=runs, against=paths[1], layers=True)
            slimmed = ccm_tf.benchmark_latency(paths[1], runs=1, layers=True)
            ratio = ccm_tf.profile(model).macs / ccm_tf.profile(slim).macs
            about = {"network": name, "numbers": dtype, "mac_ratio": ratio}
            about |= figures(found.rows[1], found.rows[0])
            about["dense_processor_ms"] = found.rows[0].processor_ms
            about["alone_ms"] = {"dense": by_kind(found.layers), "half": by_kind(slimmed.layers)}
            yield about


def by_kind(layers):
    """Milliseconds of operators run alone, by kind, most first."""
    sums = {}
    for layer in layers:
        sums[layer.kind] = sums.get(layer.kind, 0.0) + layer.milliseconds
    return dict(sorted(sums.items(), key=lambda item: -item[1]))


def measure_prediction(files, runs, networks):
    """What the table says against what was measured."""
    for name in networks:
        model = NETWORKS[name]()
        slim = half(model)
        # Every network has its operators measured at the time of its own measurement.
        table = ccm_tf.latency_table(model)
        paths = {"dense": files.of(model), "half": files.of(slim)}
        # Opened more than once: where in memory a file comes to lie makes a difference.
        opened = [*paths.values()] * OPENINGS
        found = ccm_tf.benchmark_latency(opened[0], runs=runs, against=opened[1:])
        processor = medians(paths, [row.processor_ms for row in found.rows])
        predicted = {"dense": table.predict(model), "half": table.predict(slim)}
        error = {kind: predicted[kind] / processor[kind] - 1 for kind in paths}
        error["part"] = (1 + error["half"]) / (1 + error["dense"]) - 1
        yield {
            "network": name,
            "processor_ms": processor,
            "median_ms": medians(paths, [row.median_ms for row in found.rows]),
            "predicted_ms": predicted,
            "error": error,
            "unknown": list(model_work(ccm_tf.ChannelGraph(model)).unknown),
        }


def medians(kinds, values):
    """The median of the values of each kind, which take turns."""
    count = len(kinds)
    return {kind: statistics.median(values[i::count]) for i, kind in enumerate(kinds)}


def measure_budget(files, runs, networks):
    """Plans for half of the latency, measured."""
    for name in networks:
        model = NETWORKS[name]()
        plan = ccm_tf.plan(model, "random", latency=0.5, max_ratio=0.9)
        slim = ccm_tf.rewrite(model, plan)
        found = ccm_tf.benchmark_latency(files.of(model), runs=runs, against=files.of(slim))
        yield {
            "network": name,
            "asked": 0.5,
            "measured": 1 / found.rows[1].times_faster_than(found.rows[0]),
            "processor": 1 / found.rows[1].times_faster_than(found.rows[0], processor=True),
            "mac_part": plan.counts["kept"]["macs"] / plan.counts["dense"]["macs"],
            "notes": plan.notes,
        }


def line(row):
    """A row for the terminal."""
    shown = [f"{key}={value:.3f}" for key, value in row.items() if isinstance(value, float)]
    names = [str(row[key]) for key in ("network", "numbers", "widths") if key in row]
    nested = [
        f"{key}: " + ", ".join(f"{inner} {value:.3f}" for inner, value in row[key].items())
        for key in ("processor_ms", "predicted_ms", "error")
        if isinstance(row.get(key), dict)
    ]
    return "  ".join([", ".join(names), *shown, *nested])


def parse(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="what to measure")
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--runs", type=int, default=100, help="timed calls of each file")
    parser.add_argument("--output", type=pathlib.Path, help="JSON file; other parts in it stay")
    parser.add_argument("--processor", choices=processor.HIDDEN, help="hide what is wider")
    return parser.parse_args(arguments)


def main(arguments=None):
    options = parse(arguments)
    if options.processor and not processor.hidden():
        given = sys.argv[1:] if arguments is None else arguments
        try:
            sys.exit(processor.run_as(options.processor, "benchmarks.latency", given))
        except (ValueError, RuntimeError) as error:
            sys.exit(f"error: {error}")
    measures = {
        "vgg16": lambda files: measure_vgg16(files, options.runs),
        "half": lambda files: measure_half(
            files, options.runs, [n for n in ("ResNet-50", "MobileNetV2") if n in options.networks]
        ),
        "prediction": lambda files: measure_prediction(files, options.runs, options.networks),
        "budget": lambda files: measure_budget(files, options.runs, options.networks),
    }
    for part in options.parts:
        print(f"--- {part}", flush=True)
        rows = []
        with tempfile.TemporaryDirectory() as folder:
            for row in measures[part](Files(folder)):
                print(line(row), flush=True)
                rows.append(row)
                if options.output:
                    load = [round(value, 1) for value in os.getloadavg()]
                    about = {"rows": rows, "load_average": load, "runs": options.runs}
                    save(options.output, {part: about})


def device():
    """This machine, and what of it is hidden."""
    return f"{this_device()}, {processor.hidden()} hidden" if processor.hidden() else this_device()


def save(path, parts):
    """Puts parts into a file whose other parts stay."""
    before = json.loads(path.read_text()) if path.is_file() else {}
    versions = {"keras": keras.__version__, "device": device()}
    write_json(path, {**before, "versions": versions, **parts})


if __name__ == "__main__":
    main()
