import pytest

import ccm_tf
from ccm_tf.graph import ChannelGraph
from ccm_tf.kfe.blocks import find_blocks
from tasks.models.eigendamage import preresnet29, resnet32_wide, vgg19

SMALL, LARGE = (32, 32, 3), (64, 64, 3)
PUBLISHED = [
    (vgg19, 10, SMALL, 20_035_018, 797_304_842, 398_136_320, 10_499),
    (vgg19, 100, SMALL, 20_081_188, 797_397_092, 398_182_400, 10_499),
    (vgg19, 200, LARGE, 20_132_488, 3_189_383_368, 1_592_627_200, 10_499),
    (resnet32_wide, 10, SMALL, 7_427_914, 2_203_882_506, 1_100_679_680, 9_411),
    (resnet32_wide, 100, SMALL, 7_451_044, 2_203_928_676, 1_100_702_720, 9_411),
]


@pytest.mark.parametrize("make, classes, shape, params, flops, macs, units", PUBLISHED)
def test_published_counts(make, classes, shape, params, flops, macs, units):
    model = make(classes, input_shape=shape)
    found = ccm_tf.profile(model, convention="eigendamage")
    assert (found.params, found.flops, found.macs) == (params, flops, macs)
    blocks, _ = find_blocks(ChannelGraph(model))
    counted = [block for block in blocks.values() if not block.is_output]
    assert sum(sum(block.shape[1:]) for block in counted) == units
    # Filters, those of the classifier included.
    filters = {10_499: 5_504, 9_411: 4_928}[units] + classes
    assert sum(block.shape[2] for block in blocks.values()) == filters


def test_preresnet():
    model = preresnet29(10)
    found = ccm_tf.profile(model, convention="eigendamage")
    assert found.params == 2_235_850
    assert sum(r.flops for r in found.layers if r.kind == "Conv2D") == 720_764_928


def test_parts_of_the_counts():
    found = ccm_tf.profile(vgg19(10), convention="eigendamage")
    kinds = {}
    for row in found.layers:
        kinds[row.kind] = kinds.get(row.kind, 0) + row.flops
    assert {kind: flops for kind, flops in kinds.items() if flops} == {
        "Conv2D": 796_262_400,
        "BatchNormalization": 606_208,
        "ReLU": 303_104,
        "MaxPooling2D": 122_880,
        "Dense": 10_250,
    }


@pytest.mark.parametrize("make", [vgg19, resnet32_wide, preresnet29])
def test_small_networks(make):
    model = make(4, width=1 / 16, input_shape=(16, 16, 1))
    assert model.output_shape == (None, 4) and model.name == make.__name__
    assert ccm_tf.ChannelGraph(model).groups
