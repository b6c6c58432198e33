"""The tool for a model on disk, shown on a classifier and on a segmentation.

    python -m benchmarks.compress --work_dir=out/compress --output=docs/results/compress.json

Trains a MobileNetV2 (alpha 0.35, 32 pixels) on scikit-learn's digits and a U-Net on drawn shapes,
writes models and images to disk, and runs `python -m tasks.compress` on both as anybody would. What
the reports say goes into the output, and as a table into a page of the same name. The U-Net was
built for images of any size; the size that it runs at is a flag.
"""

import argparse
import json
import os
import pathlib
import platform
import subprocess
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from PIL import Image

import ccm_tf
from ccm_tf.files import write_json, write_text
from ccm_tf.reporting import numbers
from tasks.datasets import digits

COMMANDS = {
    "mobilenetv2": "--criterion=pca --macs=0.5 --finetune_epochs=3",
    "unet": "--image_size=32 --criterion=taylor --macs=0.5 --finetune_epochs=2 --teacher=dense",
}
ROWS = ("dense", "pruned", "finetuned", "tflite")


def mobilenetv2(folder: pathlib.Path, epochs: int) -> None:
    """Trains MobileNetV2 on digits between -1 and 1; writes `train` and `test` with class folders.

    Args:
        folder: Where images and `net.keras` go.
        epochs: Epochs of training.
    """
    source = digits.load()
    for split in ("train", "test"):
        part = getattr(source, split)
        for number, (image, label) in enumerate(zip(part.images, part.labels, strict=True)):
            save(image, folder / "images" / split / str(label) / f"{number}.png")
    model = keras.applications.MobileNetV2((32, 32, 3), alpha=0.35, weights=None, classes=10)
    fit(model, source.train.images / np.float32(127.5) - 1, source.train.labels, epochs)
    model.save(folder / "net.keras")


def unet(folder: pathlib.Path, epochs: int) -> None:
    """Trains a U-Net to find discs and squares; writes `images` and `masks`.

    Args:
        folder: Where images and `net.keras` go.
        epochs: Epochs of training.
    """
    images, masks = drawn(240)
    for number, (image, mask) in enumerate(zip(images, masks, strict=True)):
        save(image, folder / "images" / "images" / f"{number:03}.png")
        save(mask, folder / "images" / "masks" / f"{number:03}.png")
    model = unet_network()
    fit(model, images.astype("float32"), masks, epochs)
    model.save(folder / "net.keras")


def fit(model: keras.Model, x: np.ndarray, y: np.ndarray, epochs: int) -> None:
    """Trains a model that returns probabilities, and lets batch normalisation catch up."""
    model.compile(keras.optimizers.Adam(2e-3), "sparse_categorical_crossentropy")
    model.fit(x, y, epochs=epochs, batch_size=64, verbose=2)
    ccm_tf.recalibrate(model, x)


def drawn(count: int, side: int = 32) -> tuple[np.ndarray, np.ndarray]:
    """Noise with a red disc (1) and a blue square (2), and which pixel is what."""
    generator = np.random.default_rng(0)
    rows, columns = np.mgrid[:side, :side]
    images = generator.normal(90, 25, (count, side, side, 3))
    masks = np.zeros((count, side, side), "uint8")
    for image, mask in zip(images, masks, strict=True):
        for number, colour in ((1, (200, 60, 60)), (2, (60, 80, 210))):
            y, x = generator.integers(6, side - 6, 2)
            size = generator.integers(4, 8)
            power = 2.0 if number == 1 else 20.0
            inside = np.abs(rows - y) ** power + np.abs(columns - x) ** power < size**power
            image[inside] = colour + generator.normal(0, 25, (inside.sum(), 3))
            mask[inside] = number
    return np.clip(images, 0, 255).astype("uint8"), masks


def unet_network() -> keras.Model:
    """A U-Net with two skip connections for images of any size, pixels from 0 to 255."""
    layers = keras.layers

    def block(x, width, name):
        for i in (1, 2):
            x = layers.Conv2D(width, 3, padding="same", use_bias=False, name=f"{name}_conv{i}")(x)
            x = layers.BatchNormalization(name=f"{name}_bn{i}")(x)
            x = layers.ReLU(name=f"{name}_relu{i}")(x)
        return x

    inputs = keras.Input((None, None, 3), name="image")
    one = block(layers.Rescaling(1 / 255, name="rescale")(inputs), 16, "down1")
    two = block(layers.MaxPooling2D(name="pool1")(one), 32, "down2")
    bottom = block(layers.MaxPooling2D(name="pool2")(two), 64, "bottom")
    x = layers.Conv2DTranspose(32, 2, strides=2, name="rise2")(bottom)
    x = block(layers.Concatenate(name="skip2")([x, two]), 32, "up2")
    x = layers.UpSampling2D(name="rise1")(x)
    x = block(layers.Concatenate(name="skip1")([x, one]), 16, "up1")
    outputs = layers.Conv2D(3, 1, activation="softmax", name="classes")(x)
    return keras.Model(inputs, outputs, name="unet")


MODELS = {"mobilenetv2": (mobilenetv2, 12), "unet": (unet, 6)}


def compressed(folder: pathlib.Path, name: str) -> dict:
    """Runs the tool as a program and returns what it reports."""
    command = [
        sys.executable,
        "-m",
        "tasks.compress",
        f"--model={folder / 'net.keras'}",
        f"--data_dir={folder / 'images'}",
        f"--output_dir={folder / 'out'}",
        *COMMANDS[name].split(),
    ]
    subprocess.run(command, check=True)
    report = json.loads((folder / "out" / "report.json").read_text(encoding="utf-8"))
    return {
        "flags": COMMANDS[name],
        "images": report["run"]["images"],
        "after_cut": report["sliced"]["accuracy"],
        **{row: _without(report[row], "name", "title", "thop") for row in ROWS},
        "layers": [[row["layers"], row["width"], row["kept"]] for row in report["layers"]],
    }


def _without(row: dict, *keys: str) -> dict:
    return {key: value for key, value in row.items() if key not in keys}


def page(results: dict) -> str:
    """The results as Markdown."""
    lines = [
        "# The tool for a model on disk",
        "",
        "Written by `python -m benchmarks.compress`. Accuracy on test images, of pixels for the",
        "U-Net; latency of the LiteRT file on one thread and one image.",
    ]
    for name, result in results["models"].items():
        lines += [
            "",
            f"## {name}",
            "",
            f"`python -m tasks.compress --model=net.keras --data_dir=images {result['flags']}`",
            "",
            "| | accuracy | parameters | MACs | latency |",
            "|---|---|---|---|---|",
            *(_row(row, result[row], result["dense"]) for row in ROWS),
            "",
            f"Cut without folding, accuracy was {numbers.percent(result['after_cut'])}; `pruned` "
            "is after folding, before fine-tuning.",
            "",
            "Widths, dense to slim: " + ", ".join(_width(*row) for row in result["layers"]) + ".",
        ]
    return "\n".join(lines) + "\n"


def _row(name: str, row: dict, dense: dict) -> str:
    cells = [numbers.percent(row["accuracy"])]
    for key, shown in (("params", numbers.count), ("macs", numbers.count)):
        change = "" if name == "dense" else f" ({numbers.change(row[key], dense[key])})"
        cells.append(shown(row[key]) + change)
    cells.append(numbers.milliseconds(row["latency_ms"]))
    return f"| {name} | {' | '.join(cells)} |"


def _width(layers: list[str], width: int, kept: int) -> str:
    others = f" + {len(layers) - 1} tied" if len(layers) > 1 else ""
    return f"{layers[0]}{others} {width} → {kept}"


def main(arguments: list[str] | None = None) -> None:
    """Runs both and writes what came out."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work_dir", type=pathlib.Path, default="out/compress_models")
    parser.add_argument("--output", type=pathlib.Path, default="docs/results/compress.json")
    parser.add_argument("--only", choices=sorted(MODELS), help="one of the models")
    options = parser.parse_args(arguments)
    results = {}
    for name, (make, epochs) in MODELS.items():
        if options.only in (None, name):
            folder = options.work_dir / name
            if not (folder / "net.keras").is_file():
                keras.utils.set_random_seed(0)
                make(folder, epochs)
            results[name] = compressed(folder, name)
    versions = {"keras": keras.__version__, "ccm_tf": ccm_tf.__version__}
    found = {"models": results, "versions": versions, "machine": platform.machine()}
    write_json(options.output, found)
    write_text(options.output.with_suffix(".md"), page(found))


def save(pixels: np.ndarray, path: pathlib.Path) -> None:
    """Writes an image and the folders that it lies in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


if __name__ == "__main__":
    main()
