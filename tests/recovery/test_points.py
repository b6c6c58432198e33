import keras
import pytest

import ccm_tf
from ccm_tf.graph import ChannelGraph
from ccm_tf.recovery.points import matching_points, stage_ends
from tasks.models import resnet, vgg16
from tests import zoo


def names(teacher, student=None, pairs=None):
    graphs = ChannelGraph(teacher), ChannelGraph(student or teacher)
    return [point.name for point in matching_points(*graphs, pairs)]


def test_vgg_is_watched_before_its_pools():
    # The published choice: groups 2, 3 and 4.
    assert names(vgg16(10, width=0.125)) == ["relu4", "relu7", "relu10"]


def test_resnet_is_watched_at_all_three_stages():
    model = resnet(20, 10, width=0.25)
    sizes = [p.student.shape[1:3] for p in matching_points(*[ChannelGraph(model)] * 2)]
    assert sizes == [(32, 32), (16, 16), (8, 8)]


def test_student_of_other_widths_has_the_same_points():
    model = zoo.residual()
    slim = ccm_tf.rewrite(model, ccm_tf.plan(model, "magnitude", macs=0.5))
    assert names(model, slim) == names(model) == ["b2_out"]


def test_names_override():
    model = zoo.residual()
    assert names(model, pairs=["b1_out", ("stem", "b2_add")]) == ["b1_out", "b2_add"]


@pytest.mark.parametrize(
    "pairs, message",
    [(["nowhere"], "no layer 'nowhere'"), ([("stem", "gap")], "differ in positions")],
)
def test_wrong_names_are_told(pairs, message):
    with pytest.raises(ValueError, match=message):
        names(zoo.residual(), pairs=pairs)


def test_no_common_size_is_told():
    inputs = keras.Input((8,))
    dense = keras.Model(inputs, keras.layers.Dense(3)(inputs))
    with pytest.raises(ValueError, match="no feature maps of the same size"):
        names(dense)


def test_unknown_sizes_are_left_out():
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(4, 3)(inputs)
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x))
    assert stage_ends(ChannelGraph(model)) == {}
