import keras
import pytest
from keras import layers

from ccm_tf.ccm.features import feature_layers
from ccm_tf.ccm.loss import CCMLoss
from ccm_tf.ccm.model import Model
from tasks.models.resnet import resnet
from tasks.models.vgg import vgg16
from tests import zoo


def names(model):
    return [layer.name for layer in feature_layers(model)]


def test_layers_are_the_models_own_in_order_of_execution():
    model = zoo.residual()
    names = ["stem", "b1_relu1", "b1_out", "b2_relu1", "b2_out"]
    found = feature_layers(model)
    assert [layer.name for layer in found] == names
    assert all(layer is model.get_layer(layer.name) for layer in found)


def test_taken_after_normalisation_activation_and_pooling():
    assert names(zoo.chain()) == ["pool1"]


def test_fused_activation_and_sequential():
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(4, 3, activation="relu", name="conv1"),
            layers.Conv2D(4, 3, activation="relu", name="conv2"),
            layers.Flatten(),
            layers.Dense(2),
        ]
    )
    assert names(model) == ["conv1"]


def test_vgg16_has_the_twelve_maps_of_the_paper():
    assert names(vgg16(10, width=0.05)) == [
        *("relu1", "pool1", "relu3", "pool2", "relu5", "relu6", "pool3"),
        *("relu8", "relu9", "pool4", "relu11", "relu12"),
    ]


@pytest.mark.parametrize("depth, maps", [(56, 55), (110, 109)])
def test_residual_networks_have_the_stem_and_two_maps_per_block(depth, maps):
    assert len(names(resnet(depth, 10, width=0.25))) == maps


def test_raw_operations_can_be_watched():
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, padding="same", name="stem")(inputs)
    x = x + layers.Conv2D(4, 3, padding="same", name="conv1")(x)
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, name="conv2")(x))
    model = Model(inputs, layers.Dense(2)(x))
    found = feature_layers(model)
    assert len(found) == 2
    assert not isinstance(found[1], layers.Layer)
    for layer in found:
        model.add_loss(CCMLoss(layer))
    assert len(model.ccm_losses) == 2


def test_subclassed_model_is_refused():
    class Subclassed(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(ValueError, match="subclassed"):
        feature_layers(Subclassed())


def test_unbuilt_model_is_refused():
    with pytest.raises(ValueError, match="not built"):
        feature_layers(keras.Sequential([layers.Dense(2)]))
