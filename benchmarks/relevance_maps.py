"""A picture of relevance maps: what a small network looks at in ten digits.

    python -m benchmarks.relevance_maps --output=docs/images/relevance.png

Trains a small network on scikit-learn's digits (half a minute), and draws one test digit of each
class above the relevance of its pixels: red speaks for the right class, blue against it.
"""

import argparse
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from keras import layers
from sklearn.datasets import load_digits

import ccm_tf
from ccm_tf.files import atomic_path


def network():
    """A few convolutions."""
    inputs = keras.Input((8, 8, 1), name="image")
    x = layers.Conv2D(16, 3, padding="same", activation="relu", name="first")(inputs)
    x = layers.Conv2D(32, 3, padding="same", activation="relu", name="second")(x)
    x = layers.MaxPooling2D(2, name="pool")(x)
    x = layers.Conv2D(32, 3, padding="same", activation="relu", name="third")(x)
    x = layers.GlobalAveragePooling2D(name="mean")(x)
    return keras.Model(inputs, layers.Dense(10, name="logits")(x), name="digits")


def maps(epochs):
    """One test digit of each class, the relevance of its pixels, and the test accuracy."""
    keras.utils.set_random_seed(0)
    x, y = load_digits(return_X_y=True)
    x = (x.reshape(-1, 8, 8, 1) / 16).astype("float32")
    model = network()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(3e-3), loss)
    model.fit(x[:1500], y[:1500], batch_size=50, epochs=epochs, verbose=0)
    test, labels = x[1500:], y[1500:]
    accuracy = np.mean(model.predict(test, verbose=0).argmax(axis=1) == labels)
    chosen = [int(np.flatnonzero(labels == digit)[0]) for digit in range(10)]
    images, names = test[chosen], labels[chosen]
    return images, ccm_tf.relevance(model, images, names, ["image"])["image"], float(accuracy)


def draw(images, relevance, path):
    """Two rows: images above relevance."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    picture, rows = plt.subplots(2, len(images), figsize=(len(images), 2.1), layout="constrained")
    for image, heat, top, bottom in zip(images, relevance, *rows, strict=True):
        top.imshow(image[..., 0], cmap="gray_r")
        most = np.abs(heat).max()
        bottom.imshow(heat[..., 0], cmap="RdBu_r", vmin=-most, vmax=most)
    for axes in rows.ravel():
        axes.set_axis_off()
    with atomic_path(path) as temporary:
        picture.savefig(temporary, format="png", dpi=80)
    plt.close(picture)


def main(arguments=None):
    """Runs the program."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", default="docs/images/relevance.png")
    parser.add_argument("--epochs", type=int, default=15)
    options = parser.parse_args(arguments)
    images, relevance, accuracy = maps(options.epochs)
    draw(images, relevance, options.output)
    print(f"{options.output}: test accuracy {accuracy:.1%}")


if __name__ == "__main__":
    main()
