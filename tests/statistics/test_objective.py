import keras
import numpy as np
import pytest
from keras import layers, ops

from ccm_tf.graph.trace import Trace
from ccm_tf.statistics.objective import Objective, last_activation

LOGITS = np.array([[1.0, 2.0, -1.0], [0.0, 0.5, 0.5]], "float32")
P = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)
LABELS = np.array([1, 2])
CROSS_ENTROPY = -np.log(P[[0, 1], LABELS])


def trace_of(make, shape=(3,)):
    inputs = keras.Input(shape)
    return Trace(keras.Model(inputs, make(inputs)))


def linear(x, units=3, **options):
    return layers.Dense(units, **options)(x)


def losses(trace, labels, outputs, loss=None):
    objective = Objective(trace, loss)
    return ops.convert_to_numpy(objective(objective.targets(labels), outputs))


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (linear, None),
        (lambda x: linear(x, activation="softmax"), "softmax"),
        (lambda x: linear(x, activation="sigmoid"), "sigmoid"),
        (lambda x: linear(x, activation="relu"), None),
        (lambda x: layers.Softmax()(linear(x)), "softmax"),
        (lambda x: layers.Activation("softmax", dtype="float32")(linear(x)), "softmax"),
        (lambda x: layers.Activation("log_softmax")(linear(x)), None),
        (lambda x: layers.Activation("linear")(linear(x, activation="sigmoid")), "sigmoid"),
        (lambda x: layers.Dropout(0.1)(layers.Softmax()(linear(x))), "softmax"),
        (lambda x: ops.softmax(linear(x)), "softmax"),
        (lambda x: ops.sigmoid(linear(x)), "sigmoid"),
        (lambda x: linear(layers.Softmax()(x)), None),
        (lambda x: layers.Reshape((1, 3))(layers.Softmax()(linear(x))), "softmax"),
    ],
)
def test_last_activation(make, expected):
    trace = trace_of(make)
    assert last_activation(trace, trace.flat_outputs[0]) == expected


@pytest.mark.parametrize(
    "labels", [LABELS, LABELS[:, None], LABELS.astype("float64"), np.eye(3)[LABELS]]
)
def test_cross_entropy_from_logits_and_probabilities(labels):
    np.testing.assert_allclose(losses(trace_of(linear), labels, LOGITS), CROSS_ENTROPY, rtol=1e-5)
    trace = trace_of(lambda x: linear(x, activation="softmax"))
    np.testing.assert_allclose(losses(trace, labels, P), CROSS_ENTROPY, rtol=1e-5)


@pytest.mark.parametrize("labels", [np.array([1, 0]), np.array([[1.0], [0.0]])])
@pytest.mark.parametrize("activation", [None, "sigmoid"])
def test_one_unit_is_a_yes_or_no(activation, labels):
    trace = trace_of(lambda x: linear(x, 1, activation=activation))
    logits = np.array([[0.5], [2.0]], "float32")
    outputs = logits if activation is None else 1 / (1 + np.exp(-logits))
    expected = [np.log1p(np.exp(-0.5)), np.log1p(np.exp(2.0))]
    np.testing.assert_allclose(losses(trace, labels, outputs), expected, rtol=1e-5)


def test_several_labels_at_once():
    trace = trace_of(lambda x: linear(x, activation="sigmoid"))
    outputs = np.array([[0.5, 0.9, 0.2], [0.1, 0.1, 0.1]], "float32")
    expected = [-np.log([0.5, 0.9, 0.8]).mean(), -np.log(0.9)]
    labels = np.array([[1, 1, 0], [0, 0, 0]])
    np.testing.assert_allclose(losses(trace, labels, outputs), expected, rtol=1e-5)


def test_positions_are_averaged():
    trace = trace_of(linear, shape=(2, 3))
    outputs = np.stack([LOGITS, LOGITS[::-1]])
    labels = np.stack([LABELS, LABELS[::-1]])
    expected = np.full(2, CROSS_ENTROPY.mean())
    for form in (labels, labels[..., None], np.eye(3)[labels]):
        np.testing.assert_allclose(losses(trace, form, outputs), expected, rtol=1e-5)


@pytest.mark.parametrize("structure", [list, dict])
def test_outputs_add_up(structure):
    def make(x):
        made = [linear(x, name="a"), linear(x, 1, name="b")]
        return made if structure is list else {"second": made[1], "first": made[0]}

    trace = trace_of(make)
    score = np.array([[0.5], [2.0]], "float32")
    yes = np.array([1, 1])
    expected = CROSS_ENTROPY + np.log1p(np.exp(-score[:, 0]))
    labels, outputs = [LABELS, yes], [LOGITS, score]
    if structure is dict:
        labels = {"first": LABELS, "second": yes, "more": yes}
        outputs = {"first": LOGITS, "second": score}
    np.testing.assert_allclose(losses(trace, labels, outputs), expected, rtol=1e-5)
    chosen = {"first": None, "second": "mse"} if structure is dict else [None, "mse"]
    expected = CROSS_ENTROPY + (score[:, 0] - 1) ** 2
    if structure is dict:
        labels["second"] = yes[:, None]
    else:
        labels[1] = yes[:, None]
    np.testing.assert_allclose(losses(trace, labels, outputs, chosen), expected, rtol=1e-5)


@pytest.mark.parametrize(
    "loss",
    [
        "mean_squared_error",
        keras.losses.MeanSquaredError(),
        keras.losses.mean_squared_error,
        keras.losses.serialize(keras.losses.MeanSquaredError()),
        lambda y, p: ops.square(y - p),
    ],
)
def test_losses_of_the_user(loss):
    targets = np.zeros((2, 3), "float32")
    found = losses(trace_of(linear), targets, LOGITS, loss)
    np.testing.assert_allclose(found, np.mean(LOGITS**2, axis=1), rtol=1e-6)


@pytest.mark.parametrize(
    ("labels", "match"),
    [
        (np.array([1, 3]), r"classes from 0 to 2.*from 1 to 3.*loss="),
        (np.array([-1, 0]), "from -1 to 0"),
        (np.array([0.5, 1.0]), "from 0.5 to 1.0"),
        (np.array(["cat", "dog"]), "Received labels of shape"),
        (np.zeros((2, 4)), r"shape \(2, 4\)"),
        ([LABELS, LABELS], "1 output.*2 array"),
    ],
)
def test_labels_that_do_not_fit(labels, match):
    with pytest.raises(ValueError, match=match):
        Objective(trace_of(linear)).targets(labels)


@pytest.mark.parametrize("labels", [np.array([3.5, 1.0]), np.array([-1.0, 1.0])])
def test_regression_has_to_be_named(labels):
    with pytest.raises(ValueError, match="between 0 and 1.*loss='mean_squared_error'"):
        Objective(trace_of(lambda x: linear(x, 1))).targets(labels)


def test_a_sigmoid_over_classes_needs_one_label_each():
    with pytest.raises(ValueError, match="same shape, between 0 and 1"):
        Objective(trace_of(lambda x: linear(x, activation="sigmoid"))).targets(LABELS)


def test_losses_that_do_not_fit():
    trace = trace_of(linear)
    with pytest.raises(ValueError, match="2 losses for a model with 1"):
        Objective(trace, ["mse", "mse"])
    with pytest.raises(ValueError, match="do not fit the model's outputs"):
        Objective(trace, {"a": "mse"})
    with pytest.raises(ValueError, match="one value per sample"):
        losses(trace, LOGITS, LOGITS, lambda y, p: ops.mean(y - p))
