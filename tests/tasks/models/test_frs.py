import keras
import numpy as np
import pytest

import ccm_tf
from ccm_tf.graph import ChannelGraph
from tasks.models import build, resnet_frs, vgg16_frs

LARGE = pytest.mark.slow


def counts(model):
    """Trainable parameters, and multiply-accumulates of convolutions and dense layers."""
    trainable = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    return trainable, sum(layer.macs for layer in ccm_tf.profile(model).layers)


@pytest.mark.parametrize(
    "name, classes, params, macs",
    [
        ("resnet56_frs", 10, 855_770, 125_747_840),
        pytest.param("vgg16_frs", 10, 14_986_698, 313_463_808, marks=LARGE),
        pytest.param("vgg16_frs", 100, 15_032_868, 313_509_888, marks=LARGE),
        pytest.param("resnet110_frs", 10, 1_730_714, 253_149_824, marks=LARGE),
        pytest.param("resnet164_frs", 10, 1_704_154, 247_646_720, marks=LARGE),
    ],
)
def test_sizes_are_the_published_ones(name, classes, params, macs):
    assert counts(build(name, classes, 1.0, (32, 32, 3))) == (params, macs)


def producers(model):
    return {p.name: p.roots for p in ChannelGraph(model).producers}


def test_the_pool_of_vgg_without_its_first_two_layers():
    """4096 channels of convolutions and 512 hidden units, here at an eighth of the width."""
    found = producers(vgg16_frs(10, width=0.125))
    found = {name: roots for name, roots in found.items() if name not in ("conv1", "conv2")}
    assert sum(len(roots) for name, roots in found.items() if "conv" in name) == 4096 / 8
    assert len(found["dense1"]) == 512 / 8


def test_what_is_free_in_a_bottleneck():
    """Inner channels are free one by one; outputs of a stage are one unit, with its shortcut."""
    model = resnet_frs(164, 4, width=0.25)
    found = producers(model)
    first, second = found["stage2_block1_conv3"], found["stage2_block2_conv3"]
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(first, found["stage2_block1_shortcut"])
    assert len(first) == 4 * len(found["stage2_block1_conv1"]) == 32
    inner = [found[f"stage1_block{b}_conv{c}"] for b in (1, 2) for c in (1, 2)]
    assert len(np.unique(np.concatenate(inner))) == 4 * 4
    x = np.zeros((2, 32, 32, 3), "float32")
    assert keras.ops.shape(model(x)) == (2, 4)


def test_other_depths_and_sizes_are_refused():
    with pytest.raises(ValueError, match=r"one of \(56, 110, 164\)"):
        resnet_frs(20, 10)
    with pytest.raises(ValueError, match="at least 32"):
        vgg16_frs(10, input_shape=(28, 28, 1))
