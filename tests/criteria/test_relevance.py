import keras
import numpy as np
import pytest
from keras import layers

import ccm_tf
from ccm_tf.criteria.relevance import ClassSums, Relevance, class_scale, unit_norm
from ccm_tf.graph import ChannelGraph
from ccm_tf.lrp.passes import Relevances

RNG = np.random.default_rng(0)
X = RNG.uniform(size=(24, 6, 6, 2)).astype("float32")
Y = np.arange(24) % 3


def network():
    inputs = keras.Input((6, 6, 2))
    x = layers.Conv2D(4, 3, activation="relu", name="a")(inputs)
    x = layers.Conv2D(6, 3, activation="relu", name="b")(x)
    x = layers.GlobalAveragePooling2D(name="gap")(x)
    return keras.Model(inputs, layers.Dense(3, name="logits")(x), name="network")


def test_t7_weak_classes_weigh_more():
    np.testing.assert_allclose(
        class_scale(np.array([0.9, 0.6, 0.3])), [0.731059, 0.817574, 0.952574], atol=1e-6
    )
    np.testing.assert_allclose(class_scale(np.array([0.5, 0.0])), [0.731059, 1.0], atol=1e-6)
    np.testing.assert_array_equal(class_scale(np.zeros(3)), np.ones(3))


def test_t8_from_class_means_to_scores():
    sums = ClassSums(3, [3])
    means = np.array([[0.4, 0.1, -0.3], [-0.4, 0.2, 0.1], [0.2, 0, 0.6]])
    # Ten samples of each class, of which 9, 6 and 3 are right.
    labels = np.repeat(np.arange(3), 10)
    right = np.concatenate([np.arange(10) < count for count in (9, 6, 3)])
    predictions = np.where(right, labels, (labels + 1) % 3)
    sums.update(Relevances([means[labels]], labels, predictions), np.ones(30, bool))
    (scores,) = sums.scores("accuracy", reference=False)
    np.testing.assert_allclose(scores, [0.300805, 0.456529, 0.837316], atol=1e-5)
    (plain,) = sums.scores("none", reference=False)
    np.testing.assert_allclose(plain, unit_norm(np.abs(means.mean(axis=0))))
    # The published code counts every class once more per batch, which cancels here.
    np.testing.assert_allclose(sums.scores("accuracy", reference=True)[0], scores, atol=1e-6)


def test_i2_scores_of_a_layer_have_norm_one():
    graph = ChannelGraph(network())
    rankings = Relevance().rank(graph, (X, Y))
    for ranking in rankings.values():
        np.testing.assert_allclose(np.linalg.norm(ranking.scores), 1, rtol=1e-5)
        assert np.all(ranking.scores >= 0)


def test_i6_a_channel_that_nobody_reads_goes_first():
    model = network()
    kernel = np.array(keras.ops.convert_to_numpy(model.get_layer("b").kernel))
    kernel[:, :, 2] = 0
    model.get_layer("b").kernel.assign(kernel)
    graph = ChannelGraph(model)
    ranking = Relevance().rank(graph, (X, Y))[0]
    assert ranking.order[-1] == graph.producers[0].roots[2]
    assert ranking.scores[-1] == 0 < ranking.scores[-2]


def test_i7_order_and_size_of_batches_do_not_matter():
    graph = ChannelGraph(network())
    shuffled = RNG.permutation(len(X))
    expected = Relevance().rank(graph, (X, Y))
    again = Relevance(batch_size=7).rank(graph, (X[shuffled], Y[shuffled]))
    for index, ranking in expected.items():
        np.testing.assert_array_equal(again[index].order, ranking.order)
        np.testing.assert_allclose(again[index].scores, ranking.scores, rtol=1e-4)


def test_only_what_the_model_gets_right():
    model = network()
    predictions = model.predict(X, verbose=0).argmax(axis=1)
    wrong = (predictions + 1) % 3
    labels = np.where(np.arange(24) < 12, predictions, wrong)
    graph = ChannelGraph(model)
    with pytest.warns(UserWarning, match="absent") if len(set(predictions[:12])) < 3 else _quiet():
        some = Relevance(samples="correct", scale="none").rank(graph, (X, labels))
        only = Relevance(scale="none").rank(graph, (X[:12], labels[:12]))
    for index, ranking in only.items():
        np.testing.assert_allclose(some[index].scores, ranking.scores, rtol=1e-4, atol=1e-6)
    with pytest.raises(ValueError, match="No sample counts"):
        Relevance(samples="correct").rank(graph, (X, wrong))


def _quiet():
    import contextlib

    return contextlib.nullcontext()


def test_absent_classes_are_left_out_and_named():
    graph = ChannelGraph(network())
    with pytest.warns(UserWarning, match="1 of 3 classes are absent .*: 2"):
        rankings = Relevance().rank(graph, (X, Y % 2))
    assert all(np.all(np.isfinite(ranking.scores)) for ranking in rankings.values())


@pytest.mark.parametrize(
    "options, message",
    [
        ({"alpha": 0.5}, "must be 1"),
        ({"scale": "none at all"}, "`scale`"),
        ({"samples": "wrong"}, "`samples`"),
    ],
)
def test_arguments_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        Relevance(**options)


def test_labels_are_needed():
    with pytest.raises(ValueError, match="Labels are needed"):
        ccm_tf.plan(network(), "relevance", X, channels=0.5)
