"""The page about handlers: its code runs, and the messages that it lists are real."""

import pathlib
import re

import keras
import numpy as np
import pytest
from keras import layers

from ccm_tf.graph import ChannelGraph, Channels, Effect, register_handler

PAGE = pathlib.Path(__file__).resolve().parent.parent / "docs" / "your_own_layer.md"


def test_the_code_of_the_page_runs(capsys):
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.M | re.S)
    # Classes of the page must not look like Keras's to the registry.
    exec("\n".join(blocks), {"__name__": "your_own_layer"})
    said = capsys.readouterr().out.splitlines()
    assert "is not handled" in said[0]
    assert said[1:] == ["6", "(3,)"]


class Scale(layers.Layer):
    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], 4), name="kernel")

    def call(self, inputs):
        return inputs


def labels_of(call, flow):
    return flow.of(call.inputs[0])


WRONG = {
    "gave 6 labels for axis 2 of an output of shape": lambda c, f: Effect(
        [Channels(f.of(c.inputs[0]).labels, 2)]
    ),
    "gave 2 outputs, but the layer has 1": lambda c, f: Effect([labels_of(c, f)] * 2),
    "names the weight 'gama', which the layer lacks": lambda c, f: Effect(
        [labels_of(c, f)], weights={"gama": (labels_of(c, f).labels,)}
    ),
    "names 1 axes of weight 'kernel' of shape (6, 4)": lambda c, f: Effect(
        [labels_of(c, f)], weights={"kernel": (labels_of(c, f).labels,)}
    ),
    "names 6 labels along axis 1 of weight 'kernel' of shape (6, 4)": lambda c, f: Effect(
        [labels_of(c, f)], weights={"kernel": (None, labels_of(c, f).labels)}
    ),
    "names 'unit' in the config, which the layer's config lacks": lambda c, f: Effect(
        [labels_of(c, f)], config={"unit": labels_of(c, f).labels}
    ),
    "must return an Effect": lambda c, f: labels_of(c, f),
}


@pytest.mark.parametrize("message", WRONG)
def test_wrong_handlers_are_found_when_the_graph_is_read(message):
    inputs = keras.Input((8, 9, 3))
    x = Scale(name="scale")(layers.Conv2D(6, 3, name="conv")(inputs))
    model = keras.Model(inputs, layers.Conv2D(2, 1)(x))
    register_handler(Scale)(WRONG[message])
    with pytest.raises(ValueError, match=f"The handler of 'scale'.*{re.escape(message)}"):
        ChannelGraph(model)


def test_the_page_lists_every_message():
    rows = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| `")]
    listed = [row.split("`")[1].split(" of shape")[0] for row in rows]
    for message in WRONG:
        start = re.sub(r"for axis \d.*", "for axis", message.split(" of shape")[0])
        assert any(entry.startswith(start) for entry in listed), message


def test_effects_with_optional_weights_pass():
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(6, 3, use_bias=False, name="conv")(inputs)
    graph = ChannelGraph(keras.Model(inputs, layers.Conv2D(2, 1)(x)))
    assert np.array_equal(graph.groups[0].roots, np.arange(6))
