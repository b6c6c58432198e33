import keras
import numpy as np
import pytest

from tasks.models import resnet
from tasks.models.resnet import shortcut, shortcut_padding


def trainable(model):
    return sum(int(np.prod(v.shape)) for v in model.trainable_variables)


@pytest.mark.parametrize("depth,parameters", [(56, 853_018), (110, 1_727_962)])
def test_parameters_are_the_references(depth, parameters):
    assert trainable(resnet(depth, 10)) == parameters


def test_misaligned_widths_give_the_logged_parameters():
    # ResNet-56 pruned at energy 0.6 in the reference logs: every block has its own width.
    outputs = (
        *(16, 8, 9, 9, 8, 8, 8, 8, 9, 9),
        *(13, 14, 15, 16, 16, 16, 17, 17, 17),
        *(25, 27, 27, 28, 29, 29, 28, 27, 64),
    )
    mids = (
        *(7, 8, 7, 9, 8, 5, 5, 1, 5),
        *(18, 1, 17, 16, 11, 1, 18, 18, 15),
        *(31, 29, 30, 27, 29, 20, 26, 24, 26),
    )
    assert trainable(resnet(56, 10, outputs=outputs, mids=mids)) == 168_414


@pytest.mark.parametrize(
    "channels,wanted,padding",
    [
        (16, 32, (8, 8)),
        (32, 64, (16, 16)),
        (16, 8, (-4, -4)),
        (9, 8, (-1, 0)),
        (8, 9, (0, 1)),
        (17, 25, (4, 4)),
        (27, 64, (18, 19)),
        (16, 16, (0, 0)),
    ],
)
def test_shortcut_pads_and_crops_in_the_middle(channels, wanted, padding):
    assert shortcut_padding(channels, wanted) == padding
    x = np.random.default_rng(0).normal(size=(2, 4, 4, channels)).astype("float32")
    y = keras.ops.convert_to_numpy(shortcut(keras.ops.convert_to_tensor(x), wanted))
    front, back = padding
    if front < 0 or back < 0:
        np.testing.assert_array_equal(y, x[..., -front : channels + back])
    else:
        np.testing.assert_array_equal(y, np.pad(x, [(0, 0)] * 3 + [padding]))


def test_shortcut_takes_every_second_pixel():
    x = np.arange(2 * 4 * 4 * 2, dtype="float32").reshape(2, 4, 4, 2)
    y = keras.ops.convert_to_numpy(shortcut(keras.ops.convert_to_tensor(x), 4, strides=2))
    np.testing.assert_array_equal(y[..., 1:3], x[:, ::2, ::2, :])
    assert not y[..., 0].any() and not y[..., 3].any()


def test_strided_convolutions_pad_every_side():
    # The first output pixel of a strided convolution sees one row and column of padding.
    model = resnet(8, 2)
    layer = model.get_layer("stage2_block1_conv1")
    assert layer.padding == "valid" and layer.strides == (2, 2)
    assert model.get_layer("stage2_block1_conv1_pad").padding == ((1, 1), (1, 1))
    assert model.get_layer("stage2_block1_relu2").output.shape[1:] == (16, 16, 32)


def test_convolutions_have_no_bias_and_logits_have():
    model = resnet(8, 2)
    convs = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    assert len(convs) == 7 and not any(layer.use_bias for layer in convs)
    assert model.get_layer("logits").use_bias


@pytest.mark.parametrize(
    "arguments,message",
    [
        ({"depth": 54}, "6n \\+ 2"),
        ({"depth": 2}, "6n \\+ 2"),
        ({"depth": 8, "outputs": [16, 16, 32]}, "takes 4 positive"),
        ({"depth": 8, "mids": [16, 0, 16]}, "takes 3 positive"),
        ({"depth": 8, "width": -1.0}, "must be positive"),
    ],
)
def test_refuses_impossible_networks(arguments, message):
    with pytest.raises(ValueError, match=message):
        resnet(classes=10, **arguments)


def test_round_trip_with_crops_and_pads(tmp_path):
    model = resnet(8, 3, outputs=(6, 4, 7, 9), mids=(3, 2, 5))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    images = np.random.default_rng(0).normal(size=(2, 32, 32, 3)).astype("float32")
    np.testing.assert_array_equal(
        model.predict(images, verbose=0), loaded.predict(images, verbose=0)
    )
