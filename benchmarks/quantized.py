"""Accuracy of LiteRT files with fewer bits, against float32, on all test images.

    make quickstart
    python -m benchmarks.quantized --model=out/quickstart/dense.keras \\
        --model=out/quickstart/finetuned.keras --output=docs/results/quantized.json
    python -m benchmarks.quantized --model=out/accuracy/<cell>/model.keras --dataset=image_folder \\
        --data_dir=data/cifar10 --output=docs/results/quantized.json

The second command takes trained networks of `benchmarks.accuracy` (its `--work_dir`). Files are
calibrated on 256 training images; accuracy is the file's, in LiteRT. Rows of other models that the
output holds stay.
"""

import argparse
import json
import os
import pathlib
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras

import ccm_tf
from ccm_tf.conversion.quantization import QUANTIZATIONS
from ccm_tf.files import write_json
from tasks.data import load

CALIBRATION = 256


def measure(path, dataset, kinds):
    """Accuracy and size of the files of one model."""
    model = keras.saving.load_model(path, compile=False)
    sample = dataset.batches_of(dataset.sample("train", CALIBRATION, seed=0), CALIBRATION)
    files = {}
    with tempfile.TemporaryDirectory() as folder:
        for kind in kinds:
            file = pathlib.Path(folder) / f"{kind}.tflite"
            written = ccm_tf.export_tflite(model, file, quantize=kind, calibration=sample)
            found = ccm_tf.evaluate_tflite(file, dataset.batches("test", 250))
            files[kind or "float32"] = {
                "accuracy": found["accuracy"],
                "points": 100 * (found["accuracy"] - files.get("float32", found)["accuracy"]),
                "bytes": found["bytes"],
                "same_decision": written.agreement.same_decision,
            }
            print(f"{path} {kind or 'float32'}: {files[kind or 'float32']}", flush=True)
    return {
        "model": "/".join(pathlib.Path(path).parts[-2:]),
        "dataset": dataset.name,
        "test_images": len(dataset.test),
        "params": model.count_params(),
        "files": files,
    }


def parse(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", action="append", required=True, help=".keras file; repeatable")
    parser.add_argument("--dataset", default="digits", help="as for tasks.data.load")
    parser.add_argument("--data_dir", help="folder of the images")
    known = [kind for kind in QUANTIZATIONS if kind]
    parser.add_argument("--kinds", nargs="+", choices=known, default=known)
    parser.add_argument("--output", type=pathlib.Path, help="JSON file to add to")
    return parser.parse_args(arguments)


def main(arguments=None):
    options = parse(arguments)
    dataset = load(options.dataset, options.data_dir)
    for path in options.model:
        row = measure(path, dataset, [None, *options.kinds])
        if options.output:
            add(options.output, row)


def add(path, row):
    """Puts a row in the place of an earlier one of the same model."""
    before = json.loads(path.read_text())["results"] if path.is_file() else []
    rows = [other for other in before if other["model"] != row["model"]] + [row]
    versions = {"keras": keras.__version__}
    write_json(path, {"versions": versions, "results": sorted(rows, key=lambda r: r["model"])})


if __name__ == "__main__":
    main()
