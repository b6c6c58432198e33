import keras
import numpy as np
import pytest
from keras import layers

from ccm_tf.criteria.bn_scale import BatchNormScale
from ccm_tf.graph import ChannelGraph
from ccm_tf.plan import plan
from tests import zoo


def two_layers(scale=True, second=True):
    inputs = keras.Input((4, 4, 2))
    x = layers.Conv2D(3, 1, name="one")(inputs)
    x = layers.BatchNormalization(name="bn_one")(x)
    x = layers.Conv2D(2, 1, name="two")(layers.ReLU()(x))
    if second:
        x = layers.BatchNormalization(scale=scale, name="bn_two")(x)
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, layers.Dense(2, name="logits")(x))
    model.get_layer("bn_one").gamma.assign([0.5, -2.0, 0.0])
    if second and scale:
        model.get_layer("bn_two").gamma.assign([1.0, 3.0])
    kernel = np.array([[3.0, 1.0], [0.0, 0.0], [0.0, 0.0]])
    model.get_layer("two").set_weights([kernel[None, None], np.zeros(2)])
    return ChannelGraph(model)


def scores(graph, **options):
    rankings = BatchNormScale(**options).rank(graph)
    return {
        graph.groups[index].name: dict(
            zip((r.order - graph.groups[index].roots[0]).tolist(), r.scores.tolist(), strict=True)
        )
        for index, r in rankings.items()
    }


def test_absolute_scales_on_one_level():
    graph = two_layers()
    assert scores(graph) == {"one": {1: 2, 0: 0.5, 2: 0}, "two": {1: 3, 0: 1}}
    ranking = BatchNormScale().rank(graph)[0]
    np.testing.assert_array_equal(ranking.level, [-2, -0.5, 0])


def test_normalized_by_layer():
    found = scores(two_layers(), normalization="max")
    assert found == {"one": {1: 1, 0: 0.25, 2: 0}, "two": {1: 1, 0: pytest.approx(1 / 3)}}


@pytest.mark.parametrize("options", [{"scale": False}, {"second": False}])
def test_fallback_to_kernels_at_the_typical_scale(options):
    graph = two_layers(**options)
    with pytest.warns(UserWarning, match="No batch normalisation.*'two'.*kernels"):
        found = scores(graph)
    mean = 2.5 / 3
    assert found["one"] == {1: 2, 0: 0.5, 2: 0}
    assert found["two"] == {0: pytest.approx(1.5 * mean), 1: pytest.approx(0.5 * mean)}


def test_fallback_to_keeping():
    graph = two_layers(scale=False)
    assert list(scores(graph, fallback="keep")) == ["one"]
    made = plan(graph.model, BatchNormScale(fallback="keep"), energy=0.5)
    assert made.kept["two"] == [0, 1] and made.kept["one"] == [1]


def test_fallback_to_an_error():
    with pytest.raises(ValueError, match=r"'two'.*fallback='keep'.*another criterion"):
        scores(two_layers(scale=False), fallback="error")


def test_a_model_without_any_scale():
    with pytest.warns(UserWarning, match="'conv1'"):
        rankings = BatchNormScale().rank(ChannelGraph(zoo.randomise(zoo.volume())))
    assert all(r.scores.mean() == pytest.approx(1) for r in rankings.values())


@pytest.mark.parametrize(
    ("reduction", "expected"), [("mean", [3, 2.5]), ("sum", [6, 5]), ("max", [5, 4])]
)
def test_all_scales_of_a_stream_count(reduction, expected):
    inputs = keras.Input((4, 4, 1))
    x = layers.Conv2D(2, 1, name="stem")(inputs)
    x = layers.BatchNormalization(name="bn0")(x)
    y = layers.BatchNormalization(name="bn1")(layers.Conv2D(2, 1, name="branch")(x))
    x = layers.GlobalAveragePooling2D()(layers.Add()([x, y]))
    model = keras.Model(inputs, layers.Dense(2, name="logits")(x))
    model.get_layer("bn0").gamma.assign([1.0, -4.0])
    model.get_layer("bn1").gamma.assign([5.0, 1.0])
    assert scores(ChannelGraph(model), reduction=reduction) == {"stem": dict(enumerate(expected))}


def test_a_concatenation_and_shared_layers():
    graph = ChannelGraph(zoo.randomise(zoo.concatenation()))
    gamma = np.abs(np.asarray(graph.model.get_layer("bn").get_weights()[0]))
    found = BatchNormScale(fallback="error").rank(graph)
    made = np.concatenate([r.scores for r in found.values()])
    # The first three are those of the model's inputs.
    np.testing.assert_allclose(np.sort(made), np.sort(gamma[3:]), rtol=1e-6)
    graph = ChannelGraph(zoo.randomise(zoo.shared()))
    gamma = np.abs(np.asarray(graph.model.get_layer("bn").get_weights()[0]))
    # Called twice, counted once.
    ((_, ranking),) = BatchNormScale(reduction="sum", fallback="error").rank(graph).items()
    np.testing.assert_allclose(ranking.scores, np.sort(gamma)[::-1], rtol=1e-6)


@pytest.mark.parametrize("argument", ["reduction", "normalization", "fallback"])
def test_unknown_options(argument):
    with pytest.raises(ValueError, match=f"`{argument}`.*'median'"):
        BatchNormScale(**{argument: "median"})
