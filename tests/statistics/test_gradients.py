import keras
import numpy as np
import pytest

from ccm_tf.graph import ChannelGraph
from ccm_tf.statistics import gradients
from ccm_tf.statistics.gradients import gate_gradients, weight_gradients
from tests import zoo


def case(make, batch=5):
    model = zoo.randomise(make())
    return ChannelGraph(model), zoo.inputs_for(model, batch), zoo.labels_for(model, batch)


@pytest.mark.parametrize("make", [zoo.chain, zoo.sequence, zoo.volume, zoo.shared, zoo.nested])
def test_shapes(make):
    graph, x, y = case(make)
    (batch,) = gate_gradients(graph, (x, y), graph.feature_maps)
    assert [g.shape for g in batch] == [(5, len(m.roots)) for m in graph.feature_maps]
    assert all(g.dtype == np.float32 and np.all(np.isfinite(g)) for g in batch)
    assert all(g.any() for g in batch)


def test_gates_of_the_last_hidden_layer_by_hand():
    graph, x, y = case(zoo.chain)
    hidden = graph.feature_maps[-1]
    (batch,) = gate_gradients(graph, (x, y), graph.feature_maps)
    model = graph.model
    values = np.asarray(keras.Model(model.input, model.get_layer(hidden.layer).output)(x))
    kernel, bias = model.get_layer("logits").get_weights()
    logits = values @ kernel + bias
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    expected = values * ((p - np.eye(4)[y]) @ kernel.T)
    np.testing.assert_allclose(batch[-1], expected, rtol=1e-3, atol=1e-5)


def test_small_last_batches_and_limits():
    graph, x, y = case(zoo.chain, batch=5)
    maps = graph.feature_maps
    (whole,) = gate_gradients(graph, (x, y), maps)
    parts = list(gate_gradients(graph, (x, y), maps, batch_size=2))
    assert [len(part[0]) for part in parts] == [2, 2, 1]
    for number, expected in enumerate(whole):
        together = np.concatenate([part[number] for part in parts])
        np.testing.assert_allclose(together, expected, rtol=1e-3, atol=1e-4)
    assert len(list(gate_gradients(graph, (x, y), maps, batch_size=2, max_batches=1))) == 1


def test_channels_first_gates():
    gate = np.array([[0.0, 1.0], [2.0, 3.0]], "float32")
    value = keras.ops.ones((2, 2, 3))
    found = np.asarray(gradients._gate(value, gate, 1))
    np.testing.assert_array_equal(found, 1 + gate[:, :, None] * np.ones(3))


def test_weights_against_differences():
    graph, x, y = case(zoo.chain)
    kernel = graph.model.get_layer("logits").kernel
    # Far from where the loss is flat.
    kernel.assign(keras.ops.convert_to_numpy(kernel) / 10)
    bias = graph.model.get_layer("conv1").bias
    ((samples, found),) = weight_gradients(graph, (x, y), [kernel, bias])
    assert samples == 5

    def loss():
        values = keras.ops.sparse_categorical_crossentropy(y, graph.model(x), from_logits=True)
        return float(keras.ops.mean(values))

    for variable, gradient in zip((kernel, bias), found, strict=True):
        assert gradient.shape == tuple(variable.shape)
        before = keras.ops.convert_to_numpy(variable).copy()
        place = np.unravel_index(np.argmax(np.abs(gradient)), gradient.shape)
        step = np.zeros_like(before)
        step[place] = 1e-2
        losses = []
        for sign in (1, -1):
            variable.assign(before + sign * step)
            losses.append(loss())
        variable.assign(before)
        assert gradient[place] == pytest.approx((losses[0] - losses[1]) / 2e-2, rel=0.05)


def test_weights_do_not_depend_on_what_fills_up_a_batch():
    graph, x, y = case(zoo.chain, batch=3)
    kernel = graph.model.get_layer("conv1").kernel
    pairs = list(weight_gradients(graph, (x, y), [kernel], batch_size=2))
    assert [samples for samples, _ in pairs] == [2, 1]
    ((_, (alone,)),) = weight_gradients(graph, (x[2:], y[2:]), [kernel])
    np.testing.assert_allclose(pairs[1][1][0], alone, rtol=1e-3, atol=1e-5)


def test_layers_keep_no_loss_and_no_state():
    inputs = keras.Input((4,))
    x = keras.layers.Dense(3, activity_regularizer="l2", name="hidden")(inputs)
    x = keras.layers.Dropout(0.5)(keras.layers.BatchNormalization()(x))
    model = keras.Model(inputs, keras.layers.Dense(2)(x))
    before = [keras.ops.convert_to_numpy(v).copy() for v in model.variables]
    graph = ChannelGraph(model)
    data = np.ones((4, 4), "float32"), np.array([0, 1, 1, 0])
    one, other = (list(gate_gradients(graph, data, graph.feature_maps)) for _ in range(2))
    np.testing.assert_array_equal(one[0][0], other[0][0])
    for old, new in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(old, keras.ops.convert_to_numpy(new))
    assert all(isinstance(float(value), float) for value in model.losses)


def test_half_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    graph, x, y = case(zoo.chain)
    (batch,) = gate_gradients(graph, (x, y), graph.feature_maps)
    assert all(g.dtype == np.float32 and g.any() for g in batch)


def test_a_progress_bar(capsys):
    graph, x, y = case(zoo.chain)
    list(gate_gradients(graph, (x, y), graph.feature_maps, batch_size=2, verbose=1))
    assert "3/3" in capsys.readouterr().out


def test_clear_errors():
    graph, x, y = case(zoo.chain)
    with pytest.raises(ValueError, match="Labels are needed"):
        gate_gradients(graph, x, graph.feature_maps)
    with pytest.raises(ValueError, match="Labels are needed"):
        list(gate_gradients(graph, [(x,)], graph.feature_maps))
    with pytest.raises(ValueError, match="equally many samples"):
        list(gate_gradients(graph, (x, y[:3]), graph.feature_maps))
    with pytest.raises(ValueError, match="5 samples but labels for"):
        list(gate_gradients(graph, [(x, y[:3])], graph.feature_maps))
    with pytest.raises(ValueError, match="batches of shape"):
        list(gate_gradients(graph, (x[:, :4], y), graph.feature_maps))


def test_other_backends(monkeypatch):
    monkeypatch.setattr(gradients, "_BACKENDS", {})
    graph, x, y = case(zoo.chain)
    with pytest.raises(NotImplementedError, match=keras.backend.backend()):
        gate_gradients(graph, (x, y), graph.feature_maps)
