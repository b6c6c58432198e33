"""Writes a folder of small made-up photographs, to try the programs without a download.

python -m tasks.imagenet.generate --data_dir=out/smoke_images
"""

import pathlib

import numpy as np
from absl import app, flags

_COLOURS = {"blue": (40, 60, 200), "green": (40, 180, 60), "red": (200, 50, 40)}
_SIZES = {"train": 24, "test": 8}


def write(root: pathlib.Path) -> None:
    """Writes noisy pictures of one colour per class, of many sizes.

    Args:
        root: The folder; `train/<class>/*.jpg` and `test/<class>/*.jpg` are made in it.
    """
    from PIL import Image

    generator = np.random.default_rng(0)
    for split, count in _SIZES.items():
        for name, colour in _COLOURS.items():
            folder = root / split / name
            folder.mkdir(parents=True, exist_ok=True)
            for number in range(count):
                shape = (*generator.integers(40, 90, 2), 3)
                pixels = np.clip(colour + generator.normal(0, 25, shape), 0, 255).astype("uint8")
                Image.fromarray(pixels).save(folder / f"{number:03}.jpg")


def main(argv: list[str]) -> None:
    """Runs the program with parsed flags."""
    write(pathlib.Path(flags.FLAGS.data_dir))


if __name__ == "__main__":
    flags.DEFINE_string("data_dir", "out/smoke_images", "Folder to write to.")
    app.run(main)
