"""A folder of images of many sizes, and the same images as shards of records."""

import numpy as np
import pytest
from PIL import Image

COLOURS = {"green": (40, 180, 60), "red": (200, 50, 40)}


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    """12 training and 5 test images of each of 2 classes, none of them square."""
    root = tmp_path_factory.mktemp("pictures")
    generator = np.random.default_rng(0)
    for split, count in (("train", 12), ("test", 5)):
        for name, colour in COLOURS.items():
            (root / split / name).mkdir(parents=True)
            for i in range(count):
                shape = (40 + 3 * i, 61 - 2 * i, 3)
                pixels = np.clip(np.array(colour) + generator.normal(0, 25, shape), 0, 255)
                Image.fromarray(pixels.astype("uint8")).save(root / split / name / f"{i}.jpg")
    return root


@pytest.fixture(scope="session")
def shards(pictures, tmp_path_factory):
    """The same images in three shards of each split, as the usual scripts write them."""
    import tensorflow as tf

    root = tmp_path_factory.mktemp("shards")
    for split, name in (("train", "train"), ("test", "validation")):
        files = sorted((pictures / split).rglob("*.jpg"))
        for shard in range(3):
            with tf.io.TFRecordWriter(str(root / f"{name}-{shard:05}-of-00003")) as writer:
                for path in files[shard::3]:
                    label = 1 + list(COLOURS).index(path.parent.name)
                    features = {
                        "image/encoded": tf.train.Feature(
                            bytes_list=tf.train.BytesList(value=[path.read_bytes()])
                        ),
                        "image/class/label": tf.train.Feature(
                            int64_list=tf.train.Int64List(value=[label])
                        ),
                    }
                    example = tf.train.Example(features=tf.train.Features(feature=features))
                    writer.write(example.SerializeToString())
    return root
