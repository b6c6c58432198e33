import keras
import numpy as np
import pytest

from ccm_tf.gradual.slots import slots_of


def weights():
    # Paths that begin alike, and two that are the same.
    shapes = {"conv": (2, 3), "conv_momentum": (3,), "same": (4,)}
    made = [keras.Variable(np.zeros(shape), name=name) for name, shape in shapes.items()]
    return [*made, keras.Variable(np.zeros(5), name="same")]


@pytest.mark.parametrize(
    "optimizer, kinds",
    [
        (keras.optimizers.SGD(0.1), set()),
        (keras.optimizers.SGD(0.1, momentum=0.9), {"momentum"}),
        (keras.optimizers.AdamW(0.1), {"momentum", "velocity"}),
        (keras.optimizers.SGD(0.1, use_ema=True), {"average"}),
        (keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam()), {"momentum", "velocity"}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_slot_has_its_weight(optimizer, kinds):
    variables = weights()
    optimizer.build(variables)
    found = slots_of(optimizer, variables)
    assert {slot.kind for slot in found} == kinds
    assert len(found) == len(kinds) * len(variables)
    for slot in found:
        assert slot.variable.shape == variables[slot.weight].shape
