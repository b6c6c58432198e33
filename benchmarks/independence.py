"""Channel independence of VGG-16: one decomposition per image against one per channel.

    python -m benchmarks.independence --output=independence.json

The twelve feature maps of VGG-16 for five batches of 128 images, three ways:

- `ours`: `nuclear_norm_drop`, all channels of an image from one eigendecomposition. Timed whole.
- `gram`: eigenvalues of the smaller Gram matrix without each channel, float64.
- `svd`: singular values of the feature map without each channel, which is the definition and what
  the reference code computes.

The last two take minutes to an hour, so a part is timed and multiplied by the number of
decompositions that the whole takes. On that part the scores of all three are compared. Processor
time depends less on what else the machine does; the last two are held to one BLAS thread, which
is the fastest for them too. The network has random weights and batch normalisation recalibrated
on the images, which are low-pass noise; `--model` takes a trained one.

Target: the whole in under 30 seconds on two cores.
"""

import argparse
import os
import platform
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import threadpoolctl

from ccm_tf.files import write_json
from ccm_tf.graph import ChannelGraph
from ccm_tf.recovery.recalibrate import recalibrate
from ccm_tf.statistics.nuclear_norm import nuclear_norm_drop
from ccm_tf.statistics.taps import feature_batches
from tasks.models.vgg import vgg16

TARGET_SECONDS = 30
MAPS = 12
OURS = ("wall_seconds", "seconds")
CLOCKS = (time.perf_counter, time.process_time)


def smooth_images(count, shape=(32, 32, 3), seed=0):
    """Low-pass noise with the spectrum of photographs (amplitude falls as 1 / frequency)."""
    rng = np.random.default_rng(seed)
    spectrum = np.fft.fft2(rng.standard_normal((count, *shape)), axes=(1, 2))
    frequency = np.hypot(*np.meshgrid(*(np.fft.fftfreq(n) * n for n in shape[:2]), indexing="ij"))
    spectrum /= np.maximum(frequency, 1)[None, :, :, None]
    images = np.fft.ifft2(spectrum, axes=(1, 2)).real
    return (images / images.std()).astype("float32")


def features_of(model, images, batch_size):
    """The feature maps that CCM-loss and the criteria look at, as matrices (B, C, P) per batch."""
    graph = ChannelGraph(model)
    maps = graph.feature_maps[:MAPS]
    for batch in feature_batches(graph, images, maps, batch_size):
        yield (
            [np.moveaxis(f.reshape(len(f), -1, f.shape[-1]), 1, 2) for f in batch],
            [m.layer for m in maps],
        )


def by_svd(matrices):
    """Nuclear norms by singular values."""
    return np.linalg.svd(matrices, compute_uv=False).sum(axis=-1)


def by_gram(matrices):
    """Nuclear norms by eigenvalues of the smaller Gram matrix."""
    rows, columns = matrices.shape[1:]
    other = matrices.transpose(0, 2, 1)
    values = np.linalg.eigvalsh(matrices @ other if rows <= columns else other @ matrices)
    return np.sqrt(np.maximum(values, 0)).sum(axis=-1)


def without_each(nuclear_norm, matrices, channels):
    """Drops of some channels, and processor seconds per decomposition."""
    start = time.process_time()
    whole = nuclear_norm(matrices)
    drops = np.empty((len(matrices), len(channels)))
    for place, channel in enumerate(channels):
        part = matrices.copy()
        part[:, channel] = 0
        drops[:, place] = whole - nuclear_norm(part)
    seconds = time.process_time() - start
    return drops, seconds / (len(matrices) * (len(channels) + 1))


def compare(matrices, images, channels):
    """The three ways on some channels of some images."""
    part = matrices[:images].astype("float64")
    rng = np.random.default_rng(0)
    chosen = rng.choice(part.shape[1], min(channels, part.shape[1]), replace=False)
    with threadpoolctl.threadpool_limits(1, user_api="blas"):
        svd, svd_seconds = without_each(by_svd, part, chosen)
        gram, gram_seconds = without_each(by_gram, part, chosen)
    ours = nuclear_norm_drop(part)[:, chosen]
    largest = np.linalg.norm(part, 2, axis=(1, 2))[:, None]
    relative = np.divide(ours - svd, svd, out=np.zeros_like(svd), where=svd > 1e-6 * largest)
    return {
        "svd_seconds_each": svd_seconds,
        "gram_seconds_each": gram_seconds,
        "max_difference": float(np.max(np.abs(ours - svd) / largest)),
        "max_relative_difference": float(np.max(np.abs(relative))),
        "gram_max_difference": float(np.max(np.abs(gram - svd) / largest)),
    }


def measure(model, images, options):
    """One row per feature map."""
    rows = []
    for number, (matrices, names) in enumerate(features_of(model, images, options.batch)):
        for place, (name, layer) in enumerate(zip(names, matrices, strict=True)):
            if number == 0:
                channels, pixels = layer.shape[1:]
                row = {"layer": name, "channels": channels, "pixels": pixels}
                row |= dict.fromkeys(OURS, 0.0)
                rows.append(row | compare(layer, options.compared_images, options.channels))
            start = time.perf_counter(), time.process_time()
            nuclear_norm_drop(layer)
            for key, clock, began in zip(OURS, CLOCKS, start, strict=True):
                rows[place][key] += clock() - began
        print(f"batch {number + 1} of {options.batches}", flush=True)
    for row in rows:
        count = options.batches * options.batch * (row["channels"] + 1)
        row["decompositions"] = count
        row["svd_seconds"] = row.pop("svd_seconds_each") * count
        row["gram_seconds"] = row.pop("gram_seconds_each") * count
    return rows


def totals(rows):
    """Sums of the times, and the largest differences."""
    names = (*OURS, "gram_seconds", "svd_seconds", "decompositions")
    result = {name: sum(row[name] for row in rows) for name in names}
    for name in ("max_difference", "max_relative_difference", "gram_max_difference"):
        result[name] = max(row[name] for row in rows)
    result["speed_up_over_svd"] = result["svd_seconds"] / result["seconds"]
    result["speed_up_over_gram"] = result["gram_seconds"] / result["seconds"]
    return result | {"target_seconds": TARGET_SECONDS}


def table(rows, total):
    """Text for people; the extrapolated columns are marked by a tilde."""
    head = (
        f"{'layer':<12}{'C x P':>12}{'ours wall':>11}{'ours CPU':>10}{'~gram CPU':>11}"
        f"{'~svd CPU':>10}{'ours-svd':>10}{'relative':>10}{'gram-svd':>10}"
    )
    lines = [head]
    for row in [*rows, {"layer": "all", **total}]:
        shape = f"{row['channels']} x {row['pixels']}" if "channels" in row else ""
        lines.append(
            f"{row['layer']:<12}{shape:>12}{row['wall_seconds']:>11.2f}{row['seconds']:>10.2f}"
            f"{row['gram_seconds']:>11.1f}{row['svd_seconds']:>10.1f}{row['max_difference']:>10.1e}"
            f"{row['max_relative_difference']:>10.1e}{row['gram_max_difference']:>10.1e}"
        )
    lines.append("~ is extrapolated. Differences are in units of the largest singular value.")
    return "\n".join(lines)


def environment():
    """What the numbers depend on."""
    return {
        "keras": keras.__version__,
        "numpy": np.__version__,
        "backend": keras.backend.backend(),
        "python": platform.python_version(),
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
    }


def parse(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", help="a .keras file; default: VGG-16 with random weights")
    parser.add_argument("--width", type=float, default=1.0, help="width of the default network")
    parser.add_argument("--batches", type=int, default=5)
    parser.add_argument("--batch", type=int, default=128, help="images per batch")
    parser.add_argument("--channels", type=int, default=4, help="channels compared per layer")
    parser.add_argument("--compared_images", type=int, default=16, help="images compared per layer")
    parser.add_argument("--output", help="JSON file to write")
    return parser.parse_args(arguments)


def main(arguments=None):
    options = parse(arguments)
    model = keras.saving.load_model(options.model) if options.model else vgg16(10, options.width)
    images = smooth_images(options.batches * options.batch, model.input_shape[1:])
    if not options.model:
        recalibrate(model, images, options.batch, max_batches=2)
    rows = measure(model, images, options)
    total = totals(rows)
    print(table(rows, total))
    if options.output:
        result = {"environment": environment(), "settings": vars(options)}
        write_json(options.output, result | {"total": total, "results": rows})


if __name__ == "__main__":
    main()
