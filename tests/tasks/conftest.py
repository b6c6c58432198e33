"""A data set and settings so small that a whole run takes seconds."""

import keras
import numpy as np
import pytest
from absl import flags as absl_flags
from PIL import Image

from ccm_tf.distribute import TensorFlowStrategy, registry
from tasks import flags, pipeline
from tasks.job import Job
from tasks.settings import Settings
from tests.tasks.trial import examples

COLOURS = {"blue": (40, 60, 200), "green": (40, 180, 60), "red": (200, 50, 40)}


@pytest.fixture(scope="session")
def images(tmp_path_factory):
    """A folder of noisy one-colour images: 16 training and 8 test images of each of 3 classes."""
    root = tmp_path_factory.mktemp("images")
    generator = np.random.default_rng(0)
    for split, count in (("train", 16), ("test", 8)):
        for name, colour in COLOURS.items():
            (root / split / name).mkdir(parents=True)
            for i in range(count):
                noise = generator.normal(0, 25, (32, 32, 3))
                pixels = np.clip(np.array(colour) + noise, 0, 255).astype("uint8")
                Image.fromarray(pixels).save(root / split / name / f"{i}.png")
    return root


def arguments_for(images, output_dir) -> list[str]:
    """Command-line flags of a run of seconds."""
    return [
        f"--output_dir={output_dir}",
        "--dataset=image_folder",
        f"--data_dir={images}",
        "--validation_split=0.25",
        "--width=0.25",
        "--epochs=2",
        "--finetune_epochs=1",
        "--batch_size=16",
        "--schedule=one_cycle",
        "--statistics_batches=1",
        "--macs=0.6",
    ]


def parsed(arguments, network: str = "resnet8") -> Settings:
    """Settings from command-line flags."""
    values = absl_flags.FlagValues()
    flags.define(values)
    values(["program", *arguments])
    return flags.read(network, values)


@pytest.fixture
def arguments(images, tmp_path):
    """Flags of a run of seconds in an output folder that is not there yet."""
    return arguments_for(images, tmp_path / "out")


@pytest.fixture
def make_settings(arguments):
    """Function from further flags to `Settings` of a tiny ResNet-8."""

    def make(*further: str, network: str = "resnet8", without: str = " ") -> Settings:
        kept = [argument for argument in arguments if not argument.startswith(without)]
        return parsed([*kept, *further], network)

    return make


@pytest.fixture(scope="session")
def finished(images, tmp_path_factory) -> Job:
    """A run from beginning to end. Read it only: other tests look at it too."""
    settings = parsed(arguments_for(images, tmp_path_factory.mktemp("run") / "out"))
    pipeline.run(settings)
    return Job(settings)


@pytest.fixture(scope="session")
def litert_files(tmp_path_factory):
    """LiteRT files that tell colours apart, by what is special about them."""
    return examples.make_files(tmp_path_factory.mktemp("files"))


@pytest.fixture(scope="session")
def image_folder(tmp_path_factory):
    """18 images for these files, in folders named after their classes."""
    return examples.make_images(tmp_path_factory.mktemp("colours"))


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    """A folder in which npm seems to have installed LiteRT for browsers."""
    return examples.install_runtime(tmp_path_factory.mktemp("npm"))


@pytest.fixture
def tpu(two_replicas, monkeypatch):
    """What a program finds on a TPU: replicas in bfloat16 that Keras's own `fit` trains."""
    strategy = TensorFlowStrategy(two_replicas, "tpu")
    monkeypatch.setattr(registry, "_RUNNING", [strategy])
    # Taken back after every test.
    keras.config.set_dtype_policy("mixed_bfloat16")
    return strategy
