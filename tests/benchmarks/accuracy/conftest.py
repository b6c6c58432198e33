"""A matrix small enough to run in a test, on images drawn here."""

import pathlib

import numpy as np
import pytest
from PIL import Image

from benchmarks.accuracy.cells import DENSE, LABELS

TINY = """
[datasets.drawn]
loader = "image_folder"
classes = 2

[networks.small]
builder = "resnet"
arguments = { depth = 8, width = 0.25 }

[recipes.short]
epochs = 3
batch_size = 8
learning_rate = 0.05
momentum = 0.9
l2 = 1e-4
augment = true

[trainings.none]

[trainings.samples]
over = "samples"
weight = 0.05

[steps.slice]
images = 16

[steps.recalibrate]
images = 16

[steps.finetune]
steps = 5
batch_size = 8
learning_rate = 0.01
momentum = 0.9
l2 = 1e-4
augment = false

[stages]
slice = ["slice"]
finetune = ["slice", "recalibrate", "finetune"]

[[experiments]]
name = "tiny"
dataset = "drawn"
networks = ["small"]
recipes = ["short"]
seeds = [0, 1]
trainings = ["none", "samples"]
criteria = ["magnitude", "random"]
macs = [0.5]
stages = ["slice", "finetune"]
"""


@pytest.fixture
def tiny_matrix(tmp_path) -> pathlib.Path:
    path = tmp_path / "matrix.toml"
    path.write_text(TINY)
    return path


@pytest.fixture(scope="session")
def drawn(tmp_path_factory) -> pathlib.Path:
    """Bright and dark images: `train/<class>/*.png`, `test/<class>/*.png`."""
    root = tmp_path_factory.mktemp("drawn")
    generator = np.random.default_rng(0)
    for split, count in (("train", 9), ("test", 4)):
        for label, level in (("bright", 200), ("dark", 60)):
            folder = root / split / label
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = generator.normal(level, 20, (32, 32, 3)).clip(0, 255)
                Image.fromarray(pixels.astype("uint8")).save(folder / f"{number}.png")
    return root


@pytest.fixture
def result_row():
    """Makes result lines by hand."""

    def make(accuracy: float, seed: int = 0, redundancy=None, **labels):
        stage = labels.get("stage", DENSE)
        row = {
            **dict.fromkeys(LABELS),
            "dataset": "drawn",
            "network": "small",
            "recipe": "short",
            "training": "none",
            **labels,
            "stage": stage,
            "seed": seed,
            "id": f"{labels}{seed}",
            "test_accuracy": accuracy,
            "test_images": 10000,
            "params": 1000,
            "macs_count": 2000000,
            "record": {"seconds": 60.0, "images_per_second": 100.0},
            "steps": [],
            "environment": {
                "hardware": "some processor, 2 cores",
                "backend": "tensorflow",
                "python": "3.11",
                "versions": {"keras": "3.15.1"},
            },
        }
        if stage == DENSE:
            layer = {"layer": "relu1", "channels": 8, "correlated": True}
            layer |= {"mean_map": 0.4, "samples": 0.2, "k90": 6}
            row["record"] |= {
                "epochs": [{"seconds": seconds} for seconds in (3.0, 1.0, 2.0)],
                "redundancy": redundancy or [layer],
                "data": {"train_images": 18, "test_images": 8, "sha256": "abc"},
            }
        return row

    return make
