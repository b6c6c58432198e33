import keras
import numpy as np
import pytest

from tasks.compression.network import described, prepared
from tests.tasks.compression.conftest import colours, unet

layers = keras.layers


def test_models_of_a_fixed_size_are_left_alone():
    model = colours()
    assert prepared(model, None) is model
    assert prepared(model, (32, 32)) is model


def test_models_of_any_size_get_the_size():
    model = unet()
    fixed = prepared(model, (16, 24))
    assert fixed.input_shape == (None, 16, 24, 3) and fixed.name == "unet"
    image = np.random.default_rng(0).uniform(0, 255, (1, 16, 24, 3)).astype("float32")
    np.testing.assert_allclose(fixed(image), model(image), rtol=1e-6)
    with pytest.raises(ValueError, match="any size.*--image_size=96"):
        prepared(model, None)


def test_a_batch_size_that_is_built_in_goes():
    inputs = keras.Input(batch_shape=(1, 8, 8, 3))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(inputs))
    fixed = prepared(keras.Model(inputs, layers.Dense(2)(x)), None)
    assert fixed.input_shape == (None, 8, 8, 3)


def two_inputs():
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    return keras.Model([a, b], layers.Add()([a, b]))


def over(shape):
    inputs = keras.Input(shape)
    return keras.Model(inputs, layers.Flatten()(inputs))


def channels_first():
    return keras.Sequential([keras.Input((3, 32, 32)), layers.Permute((2, 3, 1))])


def without_free_channels():
    inputs = keras.Input((8, 8, 3))
    x = layers.GlobalAveragePooling2D()(inputs)
    return keras.Model(inputs, layers.Dense(2, name="classes")(x), name="plain")


def subclassed():
    class Net(keras.Model):
        def call(self, inputs):
            return inputs

    return Net()


def with_lora():
    model = colours()
    model.get_layer("classes").enable_lora(2)
    return model


def quantised():
    model = colours()
    model.get_layer("classes").quantize("int8")
    return model


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (two_inputs, "has the inputs a, b; this program reads one image. Use `ccm_tf.plan`"),
        (lambda: over((9,)), r"inputs of shape \(9,\); this program reads images"),
        (channels_first, r"inputs of shape \(3, 32, 32\), which look like \(channels, height"),
        (without_free_channels, "'plain' has no channel that could be removed: is an output"),
        (subclassed, "is subclassed.*Build it with the functional API"),
        (with_lora, "'classes' has LoRA enabled. Merge it first"),
        (quantised, "'classes' is quantised .int8.. Prune the float model first"),
    ],
)
def test_what_cannot_be_done(make, message):
    with pytest.raises(ValueError, match=message):
        prepared(make(), None)


def test_another_size_than_the_models():
    with pytest.raises(ValueError, match="images of 32x32 pixels. Received: --image_size=64,64"):
        prepared(colours(), (64, 64))


def test_says_what_a_model_is():
    assert described(colours()).endswith(
        "takes 32x32 pixels with 3 channels, returns softmax of 3 classes"
    )
    assert "2 classes for each pixel" in described(prepared(unet(), (16, 16)))
