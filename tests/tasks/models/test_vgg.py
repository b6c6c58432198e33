import keras
import numpy as np
import pytest

from tasks.models import vgg16

# Kept channels of conv1 … conv12 in the reference logs, and the parameters they print.
PRUNED = (
    ((11, 32, 68, 66, 125, 113, 113, 218, 121, 94, 60, 27), 1_404_457),
    ((13, 39, 81, 80, 153, 142, 143, 275, 167, 123, 82, 37), 2_095_159),
    ((15, 46, 95, 94, 183, 175, 176, 339, 224, 161, 114, 53), 3_130_693),
    ((21, 55, 111, 110, 216, 212, 212, 413, 302, 218, 163, 83), 4_810_048),
)


def trainable(model):
    return sum(int(np.prod(v.shape)) for v in model.trainable_variables)


def test_parameters_are_the_references():
    assert trainable(vgg16(10)) == 14_991_946


@pytest.mark.parametrize("widths,parameters", PRUNED)
def test_pruned_widths_give_the_logged_parameters(widths, parameters):
    assert trainable(vgg16(10, widths=widths)) == parameters


def test_feature_map_shapes():
    model = vgg16(10)
    shapes = [model.get_layer(f"relu{i}").output.shape[1:] for i in (1, 3, 5, 8, 11)]
    assert shapes == [(32, 32, 64), (16, 16, 128), (8, 8, 256), (4, 4, 512), (2, 2, 512)]
    assert model.get_layer("pool5").output.shape[1:] == (1, 1, 512)
    assert model.output.shape == (None, 10)


def test_width_scales_every_hidden_layer():
    model = vgg16(10, width=0.25)
    assert [model.get_layer(n).output.shape[-1] for n in ("conv1", "conv13", "dense1")] == [
        16,
        128,
        128,
    ]
    assert model.output.shape == (None, 10)


def test_starts_uniform_with_its_own_numbers_per_layer():
    keras.utils.set_random_seed(0)
    model = vgg16(10, width=0.25)
    kernel, bias = (w.numpy() for w in model.get_layer("conv9").weights)
    bound = 1 / np.sqrt(9 * 128)
    for values in (kernel, bias):
        assert np.abs(values).max() <= bound
    assert np.abs(kernel).max() > 0.99 * bound
    np.testing.assert_allclose(kernel.std(), bound / np.sqrt(3), rtol=0.02)
    other = model.get_layer("conv10").kernel.numpy()
    assert not np.array_equal(kernel, other)


def test_batch_norm_as_in_the_reference():
    layer = vgg16(2, width=0.1).get_layer("bn7")
    assert (layer.momentum, layer.epsilon) == (0.9, 1e-5)


@pytest.mark.parametrize(
    "arguments,message",
    [
        ({"width": 0.0}, "must be positive"),
        ({"widths": [8] * 15}, "at most 14"),
        ({"widths": [8, 0]}, "positive numbers"),
        ({"input_shape": (28, 28, 1)}, "at least 32 pixels"),
    ],
)
def test_refuses_impossible_networks(arguments, message):
    with pytest.raises(ValueError, match=message):
        vgg16(10, **arguments)


def test_round_trip(tmp_path):
    model = vgg16(3, width=0.05)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    images = np.random.default_rng(0).normal(size=(2, 32, 32, 3)).astype("float32")
    np.testing.assert_array_equal(
        model.predict(images, verbose=0), loaded.predict(images, verbose=0)
    )
