"""Small LiteRT files that tell colours apart, images for them, and what npm leaves."""

import json
import shutil

import keras
import numpy as np
from PIL import Image

import ccm_tf
from tasks.trial import runtime
from tests.reporting import examples

CLASSES = ["blue", "green", "red"]
SHAPE = (8, 6, 3)
SCALING = {"scale": 1 / 255, "mean": [0.5, 0.4, 0.3], "std": [0.25, 0.25, 0.2]}
DIGITS = [str(digit) for digit in range(10)]


def colours(count):
    """Noisy images of one colour each, and their classes."""
    generator = np.random.default_rng(0)
    labels = np.arange(count) % 3
    base = np.array([(60, 70, 150), (60, 140, 60), (150, 70, 60)])[labels]
    pixels = base[:, None, None] + generator.normal(0, 60, (count, 1, 1, 3))
    noise = generator.normal(0, 25, (count, *SHAPE))
    return np.clip(pixels + noise, 0, 255).astype("uint8"), labels.astype("int32")


def network(ending="softmax", sharpness=2.0, units=3, shape=SHAPE):
    """The mean colour decides; `sharpness` and noise in the kernel say how."""
    inputs = keras.Input(shape, name="image")
    x = keras.layers.GlobalAveragePooling2D()(inputs)
    model = keras.Model(inputs, keras.layers.Dense(units, activation=ending)(x))
    kernel = np.random.default_rng(units).normal(0, 0.3 / sharpness, (3, units))
    if units <= 3:
        kernel += np.eye(3)[::-1][:, :units] * sharpness
    model.set_weights([kernel, np.zeros(units)])
    return model


def make_files(folder):
    """Files by what is special about them."""
    known = ccm_tf.ExportOptions(labels=CLASSES, input_scaling=SCALING)
    blue_first = {**SCALING, "bgr": True}
    calibration = (colours(64)[0] / 255 - SCALING["mean"]) / SCALING["std"]
    int8 = {"quantize": "int8", "calibration": calibration.astype("float32")}
    made = {
        "dense": (network(), {"options": known}),
        "slim": (
            network(None, 1.0),
            {"options": ccm_tf.ExportOptions(input_scaling=blue_first, batch_size=1)},
        ),
        "int8": (network(sharpness=1.5), {"options": known, **int8}),
        "silent": (network("sigmoid", units=1), {}),
        "digits": (
            network(units=10, shape=(32, 32, 3)),
            {"options": ccm_tf.ExportOptions(input_scaling=SCALING)},
        ),
    }
    return {
        name: ccm_tf.export_tflite(model, folder / f"{name}.tflite", **settings).path
        for name, (model, settings) in made.items()
    }


def make_images(root):
    """18 images in folders named after their classes."""
    for number, (pixels, label) in enumerate(zip(*colours(18), strict=True)):
        (root / CLASSES[label]).mkdir(exist_ok=True)
        Image.fromarray(pixels).save(root / CLASSES[label] / f"{number:02}.png")
    return root


def make_run(folder, flags, classes, **files):
    """The output folder of a finished run, with copies of files."""
    report = examples.values()
    report["run"]["flags"], report["run"]["classes"] = flags, classes
    (folder / "report.json").write_text(json.dumps(report))
    for name, source in files.items():
        shutil.copyfile(source, folder / f"{name}.tflite")
    return folder


def install_runtime(root):
    """A folder as npm leaves it, with empty scripts."""
    core = root / "node_modules" / runtime.PACKAGE
    builds = [f"wasm/litert_wasm{kind}_internal" for kind in ("", "_compat")]
    for path in (
        core / "dist/index.js",
        core.with_name("wasm-utils") / "dist/index.js",
        *(core / f"{build}{suffix}" for build in builds for suffix in (".js", ".wasm")),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"// {path.name}")
    (core / "package.json").write_text(json.dumps({"version": "2.5.3"}))
    return root
