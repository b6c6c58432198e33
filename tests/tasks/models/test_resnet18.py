import keras
import numpy as np
import pytest

import ccm_tf
from ccm_tf.graph import ChannelGraph
from ccm_tf.recovery.points import matching_points
from tasks.models import build, resnet18


def trainable(model):
    return sum(int(np.prod(v.shape)) for v in model.trainable_variables)


def convolution_macs(model):
    """Those of convolutions and the classifier, as the published figure counts."""
    return sum(layer.macs for layer in ccm_tf.profile(model).layers)


@pytest.fixture(scope="module")
def model():
    return resnet18(1000)


def test_size_is_the_references(model):
    assert trainable(model) == 11_689_512
    assert convolution_macs(model) == pytest.approx(1.8141e9, rel=1e-4)


def test_internal_widths_reach_the_published_reduction(model):
    """AIP reports 36.78 % of parameters and 45.55 % of operations removed on ImageNet."""
    widths = {1: 16, 2: 48, 3: 224, 4: 288}
    kept = {
        f"stage{stage}_block{block}_conv1": range(width)
        for stage, width in widths.items()
        for block in (1, 2)
    }
    slim = ccm_tf.rewrite(model, ccm_tf.PruningPlan.from_kept(model, kept))
    assert 1 - trainable(slim) / trainable(model) == pytest.approx(0.3683, abs=5e-5)
    assert 1 - convolution_macs(slim) / convolution_macs(model) == pytest.approx(0.4560, abs=5e-5)


def test_attention_is_compared_at_the_first_three_stages():
    graph = ChannelGraph(resnet18(10, width=0.125, input_shape=(64, 64, 3)))
    names = [point.name for point in matching_points(graph, graph)]
    assert names == [f"stage{stage}_block2_relu2" for stage in (1, 2, 3)]


def test_small_images_and_widths():
    model = build("resnet18", 7, 0.125, (64, 64, 3))
    assert keras.ops.shape(model(np.zeros((2, 64, 64, 3), "float32"))) == (2, 7)
