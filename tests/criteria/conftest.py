import keras
import numpy as np
import pytest

from ccm_tf.graph import ChannelGraph


@pytest.fixture
def observe():
    """Graph of a model whose only prunable feature map is the data itself.

    `observe(channels, pixels)` takes data of shape (B, pixels, channels).
    """

    def build(channels, pixels):
        inputs = keras.Input((pixels, channels))
        x = keras.layers.Conv1D(channels, 1, use_bias=False, name="look")(inputs)
        x = keras.layers.GlobalAveragePooling1D()(x)
        model = keras.Model(inputs, keras.layers.Dense(2, name="logits")(x))
        model.get_layer("look").set_weights([np.eye(channels)[None]])
        return ChannelGraph(model)

    return build


@pytest.fixture
def t6():
    """Features of the specification's vector T6 with ReLU, shape (3, 16, 5)."""
    b, c, h, w = np.meshgrid(*(np.arange(n) for n in (3, 5, 4, 4)), indexing="ij")
    maps = np.sin(0.37 * (b + 1) * (c + 1) + 1.1 * h + 0.53 * w * (c + 1))
    return np.maximum(maps, 0).reshape(3, 5, 16).transpose(0, 2, 1).astype("float32")
