import keras
import numpy as np
import pytest

import ccm_tf
from ccm_tf.distribute import TensorFlowStrategy, registry
from tasks.callbacks import Recorder
from tasks.job import Job
from tasks.training import compiled, fit, plain


@pytest.fixture
def job(make_settings):
    job = Job(make_settings("--epochs=3"))
    job.folder.mkdir()
    return job


def network():
    """Three convolutions: what the programs train takes seconds to trace."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    inputs = x = keras.Input((32, 32, 3))
    for i in (1, 2, 3):
        x = layers.Conv2D(4, 3, strides=2, name=f"conv{i}")(x)
        x = layers.ReLU(name=f"relu{i}")(layers.BatchNormalization(name=f"bn{i}")(x))
    return keras.Model(inputs, layers.Dense(3)(layers.GlobalAveragePooling2D()(x)))


def weights_of(job, name="dense"):
    return keras.saving.load_model(job.path(f"{name}.keras"), compile=False).get_weights()


def test_loss_is_cross_entropy_plus_l2_minus_ccm(job):
    training = job.settings.train
    x, y = job.dataset.batches("train", 16, seed=0)[0]
    model = compiled(network(), training, 1e-9)
    watched = {layer.name: layer for layer in ccm_tf.feature_layers(model)}
    maps = keras.Model(model.input, [model.output, *(v.output for v in watched.values())])
    logits, *features = maps(x, training=True)
    scores = [float(keras.ops.mean(keras.ops.abs(ccm_tf.channel_correlation(f)))) for f in features]
    entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(y, logits)
    l2 = training.l2 * sum(np.sum(np.square(v.numpy())) for v in model.trainable_variables)
    logs = model.train_on_batch(x, y, return_dict=True)
    assert len(scores) == 2
    expected = float(entropy) + l2 - training.ccm_weight * sum(scores)
    np.testing.assert_allclose(logs["loss"], expected, rtol=1e-4)
    np.testing.assert_allclose(logs["ccm"], np.mean(scores), rtol=1e-4)


def test_saves_a_plain_model_and_its_history(job):
    fit(job, network(), job.settings.train, "dense")
    model = keras.saving.load_model(job.path("dense.keras"))
    assert type(model).__name__ == "Functional" and not model.compiled
    records = job.read_json("dense_history.json")
    assert [record["epoch"] for record in records] == [1, 2, 3]
    assert {"S", "S_of", "val_accuracy"} <= set(records[0])
    assert not job.has("dense_checkpoint.keras")


def test_interrupted_and_resumed_is_the_same_run(job, make_settings, tmp_path, monkeypatch, capsys):
    fit(job, network(), job.settings.train, "dense")
    expected = weights_of(job)
    other = Job(make_settings("--epochs=3", f"--output_dir={tmp_path / 'other'}"))
    other.folder.mkdir()
    write = Recorder.on_epoch_end

    def interrupt(self, epoch, logs=None):
        if epoch == 1:
            raise KeyboardInterrupt
        write(self, epoch, logs)

    monkeypatch.setattr(Recorder, "on_epoch_end", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fit(other, network(), other.settings.train, "dense")
    monkeypatch.setattr(Recorder, "on_epoch_end", write)
    fit(other, network(), other.settings.train, "dense")
    assert "Going on after epoch 1 of 3." in capsys.readouterr().out
    for ours, theirs in zip(expected, weights_of(other), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_checkpoint_of_an_older_start_is_not_resumed(job, capsys):
    job.path("pruned.keras").parent.mkdir(exist_ok=True)
    fit(job, network(), job.settings.train, "dense")
    model = compiled(network(), job.settings.finetune, 0.1)
    model.save(job.path("finetuned_checkpoint.keras"))
    job.path("finetuned_history.json").write_text("[]")
    plain(network()).save(job.path("pruned.keras"))
    fit(job, "pruned.keras", job.settings.finetune, "finetuned")
    assert "Going on" not in capsys.readouterr().out
    assert len(job.read_json("finetuned_history.json")) == 1


def test_a_diverging_run_keeps_its_checkpoint_and_says_what_to_try(job, make_settings, tmp_path):
    wild = Job(make_settings("--learning_rate=1e30", f"--output_dir={tmp_path / 'wild'}"))
    wild.folder.mkdir()
    with pytest.raises(FloatingPointError, match="another --output_dir with a smaller --learning"):
        fit(wild, network(), wild.settings.train, "dense")
    assert not wild.has("dense.keras")


@pytest.mark.slow
@pytest.mark.tensorflow
@pytest.mark.parametrize("name", ["mirrored", "multi_worker"])
def test_two_replicas_train_like_one_device(
    name, job, make_settings, tmp_path, two_replicas, monkeypatch
):
    fit(job, network(), job.settings.train, "dense")
    other = Job(make_settings("--epochs=3", f"--output_dir={tmp_path / 'other'}"))
    other.folder.mkdir()
    monkeypatch.setattr(registry, "_RUNNING", [TensorFlowStrategy(two_replicas, name)])
    fit(other, network(), other.settings.train, "dense")
    for one, two in zip(weights_of(job), weights_of(other), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-4)
    for one, two in zip(*(j.read_json("dense_history.json") for j in (job, other)), strict=True):
        assert one["S"] == pytest.approx(two["S"], rel=1e-4)
        assert one["val_loss"] == pytest.approx(two["val_loss"], rel=1e-4)
    saved = keras.saving.load_model(other.path("dense.keras"), compile=False)
    assert not saved.get_layer("bn1").synchronized
