import json
import types

import keras
import numpy as np
import pytest

from ccm_tf.criteria.fisher import Fisher
from ccm_tf.criteria.gradient import GradientCriterion
from ccm_tf.criteria.registry import get_criterion
from ccm_tf.graph import ChannelGraph
from ccm_tf.plan import plan
from tests import zoo


class Signed(GradientCriterion):
    """Shifted, so that derivatives of either sign can be seen."""

    def importance(self, derivatives):
        return 100 + derivatives


def masked_loss(model, inputs, labels, name, unit):
    """A function of a factor on one channel of every output of some layers."""
    graph = ChannelGraph(model)
    group = next(g for g in graph.groups if g.name == name)
    places = {m.tensor: np.flatnonzero(m.roots == group.roots[unit]) for m in group.feature_maps}

    def loss(factor):
        def apply(call, args, kwargs):
            output = call.op(*args, **kwargs)
            for tensor, positions in places.items():
                if tensor == call.outputs[0]:
                    scale = np.ones(output.shape[-1], "float32")
                    scale[positions] = factor
                    output = output * scale
            return output

        logits = graph.trace.run(keras.ops.convert_to_tensor(inputs), apply)
        values = keras.ops.sparse_categorical_crossentropy(labels, logits, from_logits=True)
        return float(keras.ops.mean(values))

    return loss, graph, group


@pytest.mark.parametrize("name", ["stem", "b1_conv1"])
def test_a_stream_has_one_gate_for_all_its_feature_maps(name):
    model = zoo.randomise(zoo.residual())
    inputs, labels = zoo.inputs_for(model, batch=5), zoo.labels_for(model, batch=5)
    ranking = None
    for unit in range(3):
        loss, graph, group = masked_loss(model, inputs, labels, name, unit)
        if ranking is None:
            ranking = Signed().rank(graph, (inputs, labels))[group.index]
        score = ranking.scores[list(ranking.order).index(group.roots[unit])] - 100
        step = 1e-3
        numeric = (loss(1 + step) - loss(1 - step)) / (2 * step)
        assert score == pytest.approx(numeric, rel=2e-2, abs=2e-3)


def test_samples_not_batches():
    model = zoo.randomise(zoo.chain())
    data = zoo.inputs_for(model, batch=7), zoo.labels_for(model, batch=7)
    graph = ChannelGraph(model)
    one, other = (Fisher(batch_size=size).rank(graph, data) for size in (7, 3))
    for index in one:
        np.testing.assert_array_equal(one[index].order, other[index].order)
        np.testing.assert_allclose(one[index].scores, other[index].scores, rtol=1e-3, atol=1e-6)


def test_normalization():
    model = zoo.randomise(zoo.chain())
    data = zoo.inputs_for(model, batch=4), zoo.labels_for(model, batch=4)
    rankings = Fisher(normalization="mean").rank(ChannelGraph(model), data)
    assert all(r.scores.mean() == pytest.approx(1) for r in rankings.values())


def test_heads_stay_with_a_warning():
    model = zoo.randomise(zoo.transformer())
    data = zoo.inputs_for(model, batch=4), zoo.labels_for(model, batch=4)
    with pytest.warns(UserWarning, match="No feature map shows.*'attention' \\(4 of 4\\)"):
        made = plan(model, "fisher", data, energy=0.5)
    assert made.kept["attention"] == [0, 1, 2, 3]
    assert len(made.kept["up"]) < 9


def test_padded_and_dead_channels():
    model = zoo.randomise(zoo.padded_shortcut())
    layer = model.get_layer("stem")
    layer.set_weights([w * (np.arange(4) != 2) for w in layer.get_weights()])
    graph = ChannelGraph(model)
    data = zoo.inputs_for(model, batch=4), zoo.labels_for(model, batch=4)
    rankings = Fisher().rank(graph, data)
    assert all(np.all(np.isfinite(r.scores)) for r in rankings.values())


@pytest.mark.parametrize(
    "loss",
    [
        None,
        "mean_squared_error",
        keras.losses.Huber(delta=0.5),
        keras.losses.mean_absolute_error,
        ["mse", keras.losses.Huber()],
        {"label": "mse", "score": None},
    ],
)
def test_losses_survive_a_round_trip(loss):
    config = json.loads(json.dumps(Fisher(loss=loss).get_config()))
    assert Fisher.from_config(config).get_config() == config
    saved = json.loads(json.dumps(keras.saving.serialize_keras_object(Fisher(loss=loss))))
    assert isinstance(get_criterion(saved), Fisher)


def test_nothing_to_see_needs_no_pass():
    graph = types.SimpleNamespace(groups=())
    assert Fisher().rank(graph, (np.zeros(1), np.zeros(1))) == {}
