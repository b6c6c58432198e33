import numpy as np
import pytest

from benchmarks.peers.weights import describe, difference, to_keras, to_torch


def arrays(shapes):
    generator = np.random.default_rng(0)
    return {name: generator.normal(size=shape) for name, shape in shapes.items()}


LAYERS = {
    "conv1/kernel": (3, 2, 5, 7),
    "conv1/bias": (7,),
    "bn1/gamma": (7,),
    "bn1/beta": (7,),
    "bn1/moving_mean": (7,),
    "bn1/moving_variance": (7,),
    "logits/kernel": (7, 4),
    "logits/bias": (4,),
}


def test_kernels_are_turned_and_variables_renamed():
    given = arrays(LAYERS)
    found = to_torch(given)
    assert found["conv1.weight"].shape == (7, 5, 3, 2)
    assert found["conv1.weight"][6, 4, 2, 1] == given["conv1/kernel"][2, 1, 4, 6]
    assert found["logits.weight"][3, 6] == given["logits/kernel"][6, 3]
    np.testing.assert_array_equal(found["bn1.weight"], given["bn1/gamma"])
    np.testing.assert_array_equal(found["bn1.running_var"], given["bn1/moving_variance"])


def test_the_way_back_leads_back():
    given = arrays(LAYERS)
    state = {**to_torch(given), "bn1.num_batches_tracked": np.zeros(())}
    found = to_keras(state)
    assert set(found) == set(given)
    for name, array in given.items():
        np.testing.assert_array_equal(found[name], array)


@pytest.mark.parametrize("name, shape", [("x/scale", (3,)), ("x/kernel", (3, 4, 5))])
def test_other_variables_are_refused(name, shape):
    with pytest.raises(ValueError, match=f"Received: '{name}'"):
        to_torch({name: np.zeros(shape)})


def kernels(widths):
    return {f"{name}/kernel": np.zeros((1, width)) for name, width in widths.items()}


def test_vgg_is_told_by_its_layers():
    widths = {f"conv{i}": i for i in range(1, 14)} | {"dense1": 14, "logits": 10}
    assert describe(kernels(widths)) == {
        "family": "vgg16",
        "classes": 10,
        "widths": list(range(1, 15)),
    }


RESNET = {"conv1": 1, "logits": 10} | {
    f"stage{stage}_block{block}_conv{conv}": 10 * stage + 2 * block + conv
    for stage in (1, 2, 3)
    for block in range(1, 12)
    for conv in (1, 2)
}


def test_blocks_of_a_resnet_are_counted_in_order():
    found = describe(kernels(RESNET))
    assert found["family"] == "resnet" and len(found["mids"]) == 33
    assert found["mids"][:2] == [13, 15] and found["mids"][9] == 31  # block 10 after block 9
    assert found["outputs"][:2] == [1, 14] and found["outputs"][-1] == 54


@pytest.mark.parametrize("missing", ["conv1", "logits", "stage2_block3_conv2"])
def test_other_networks_are_refused(missing):
    widths = {name: width for name, width in RESNET.items() if name != missing}
    with pytest.raises(ValueError, match="networks `vgg16` and `resnet` of tasks.models"):
        describe(kernels(widths))


def test_differences_are_relative_to_the_largest_output():
    assert difference(np.array([1.0, -4.0]), np.array([1.0, -3.0])) == 0.25
    assert difference(np.zeros(2), np.array([0.0, 0.5])) == 0.5
