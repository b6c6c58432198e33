import math

import pytest

from tasks.imagenet.resnet50 import resnet50


@pytest.mark.slow
def test_has_the_weights_of_the_reference():
    model = resnet50(1000)
    trainable = sum(math.prod(v.shape) for v in model.trainable_variables)
    assert trainable == 25_557_032
    assert model.output_shape == (None, 1000)


def test_widths_follow_the_multiplier():
    model = resnet50(3, 0.125, (32, 32, 3))
    assert model.get_layer("stage4_block3_conv3").filters == 256
    assert model.get_layer("stage4_block1_conv2").strides == (2, 2)
