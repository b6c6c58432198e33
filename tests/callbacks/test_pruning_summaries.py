import csv

import keras
import numpy as np
import pytest

import ccm_tf
from ccm_tf.callbacks.pruning_summaries import PruningSummaries, summary
from tests import zoo


def masked():
    model = zoo.randomise(zoo.chain())
    return ccm_tf.mask(
        model, ccm_tf.PruningPlan.from_kept(model, {"conv1": [0, 2, 5], "hidden": [1, 3]})
    )


def test_what_is_left_is_counted():
    model = masked()
    left = summary(model)
    assert left["channels/conv1"] == 3 and left["channels/conv2"] == 8
    slim = ccm_tf.strip_pruning(model)
    assert left["macs"] == ccm_tf.profile(slim).macs
    assert left["params"] == slim.count_params()


def test_s_is_the_mean_correlation_of_the_channels_that_are_left():
    model = masked()
    x = zoo.inputs_for(model, batch=6)
    found = summary(model, x)
    slim = ccm_tf.strip_pruning(model)
    view = keras.Model(slim.inputs, slim.get_layer("pool1").output)
    maps = np.asarray(view.predict(x, verbose=0)).reshape(-1, 3)
    expected = np.abs(np.corrcoef(maps.T))[np.triu_indices(3, 1)].mean()
    np.testing.assert_allclose(found["S/pool1"], expected, rtol=1e-4)


def train(path, **options):
    model = masked()
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    x = zoo.inputs_for(model, batch=4)
    callback = PruningSummaries(path, **options)
    model.fit(x, np.zeros(4), epochs=2, verbose=0, callbacks=[callback])


def test_a_row_per_epoch_also_after_a_restart(tmp_path):
    path = tmp_path / "pruning.csv"
    train(path)
    with path.open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["0", "1"]
    assert rows[0]["channels/conv1"] == "3"
    train(path)
    with path.open() as file:
        assert list(csv.DictReader(file)) == rows


@pytest.mark.tensorflow
def test_tensorboard_gets_the_same_numbers(tmp_path):
    train(None, log_dir=tmp_path / "logs")
    (events,) = (tmp_path / "logs").iterdir()
    assert b"pruning/channels/conv1" in events.read_bytes()


def test_it_needs_somewhere_to_write():
    with pytest.raises(ValueError, match="Give `path`"):
        PruningSummaries()
