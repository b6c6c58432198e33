import errno
import signal

import keras
import numpy as np
import pytest

import ccm_tf
from ccm_tf.distribute import TensorFlowStrategy, registry
from tasks.callbacks import Recorder
from tasks.job import Job
from tasks.preemption import PREEMPTION, STATUS, Preempted
from tasks.step_checkpoints import StepCheckpoints
from tasks.training import compiled, fit, plain
from tests.distribute import processes
from tests.tasks.conftest import arguments_for


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


@pytest.fixture
def other(make_settings, tmp_path):
    """The same run in another folder, with a checkpoint after every second step."""
    folder = f"--output_dir={tmp_path / 'other'}"
    job = Job(make_settings("--epochs=3", "--checkpoint_steps=2", folder))
    job.folder.mkdir()
    return job


def at_step(number, act):
    """A callback of `fit` that acts after so many steps, before a checkpoint is written."""
    steps = []

    def seen(self, batch, logs=None):
        steps.append(batch)
        if len(steps) == number:
            act()
        written(self, batch, logs)

    written = StepCheckpoints.on_train_batch_end
    return seen


def ended_and_resumed(other, monkeypatch, step, act, error):
    """Weights of a run of three steps per epoch that something happened to."""
    with monkeypatch.context() as patched:
        patched.setattr(StepCheckpoints, "on_train_batch_end", at_step(step, act))
        with PREEMPTION.noticed(), pytest.raises(error) as raised:
            fit(other, network(), other.settings.train, "dense")
    fit(other, network(), other.settings.train, "dense")
    return weights_of(other), str(raised.value)


def stop():
    raise KeyboardInterrupt


def test_resumed_in_the_middle_of_an_epoch_is_the_same_run(job, other, monkeypatch, capsys):
    fit(job, network(), job.settings.train, "dense")
    # Step 6 is the third of the second epoch: the last checkpoint is one step old.
    found, _ = ended_and_resumed(other, monkeypatch, 6, stop, KeyboardInterrupt)
    assert "Going on after step 2 of epoch 2 of 3." in capsys.readouterr().out
    for ours, theirs in zip(weights_of(job), found, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    records = other.read_json("dense_history.json")
    assert [record["epoch"] for record in records] == [1, 2, 3]
    assert [record.get("from_step") for record in records] == [None, 2, None]


@pytest.mark.parametrize(
    "step,where", [(1, "step 1 of 3 of epoch 1"), (4, "step 1 of 3 of epoch 2"), (6, "epoch 2")]
)
def test_sigterm_ends_after_the_step_and_its_checkpoint(
    step, where, job, other, monkeypatch, capsys
):
    fit(job, network(), job.settings.train, "dense")
    found, said = ended_and_resumed(
        other, monkeypatch, step, lambda: signal.raise_signal(signal.SIGTERM), Preempted
    )
    assert f"Ended by SIGTERM after {where}. The same command goes on" in said
    assert f"Going on after {where.replace(' of 3', '')} of 3." in capsys.readouterr().out
    for ours, theirs in zip(weights_of(job), found, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.slow
@pytest.mark.tensorflow
@pytest.mark.parametrize("name", ["mirrored", "multi_worker"])
def test_resumed_in_the_middle_of_an_epoch_on_two_replicas(
    name, job, other, two_replicas, monkeypatch
):
    strategy = TensorFlowStrategy(two_replicas, name)
    monkeypatch.setattr(registry, "_RUNNING", [strategy])
    fit(job, network(), job.settings.train, "dense")
    found, _ = ended_and_resumed(other, monkeypatch, 5, stop, KeyboardInterrupt)
    # The fifth step is the second of its epoch, and was stopped before its checkpoint.
    for ours, theirs in zip(weights_of(job), found, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.tensorflow
def test_fewer_replicas_go_on_in_the_middle_of_an_epoch(job, other, two_replicas, monkeypatch):
    fit(job, network(), job.settings.train, "dense")
    with monkeypatch.context() as patched:
        patched.setattr(registry, "_RUNNING", [TensorFlowStrategy(two_replicas, "multi_worker")])
        patched.setattr(StepCheckpoints, "on_train_batch_end", at_step(6, stop))
        with pytest.raises(KeyboardInterrupt):
            fit(other, network(), other.settings.train, "dense")
    fit(other, network(), other.settings.train, "dense")
    for ours, theirs in zip(weights_of(job), weights_of(other), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.tensorflow
def test_one_worker_goes_on_where_two_were_told_to_end(images, tmp_path):
    def command(strategy, step, folder):
        flags = arguments_for(images, tmp_path / folder)
        return ["tests/tasks/training_worker.py", strategy, step, *flags, "--batch_size=4"]

    two = [command("multi_worker", "12", "run")] * 2
    outputs = processes.run(two, processes.environments(2), status=STATUS)
    # The other worker was told, in the second epoch of nine steps; both stop after the same one.
    assert all("after step 8 of 9 of epoch 2." in output for output in outputs)
    folders, variables = ("run", "undisturbed"), [processes.alone()] * 2
    found = processes.run([command("none", "0", one) for one in folders], variables)
    assert "Going on after step 8 of epoch 2 of 2." in found[0]
    weights = [
        keras.saving.load_model(tmp_path / one / "dense.keras", compile=False).get_weights()
        for one in folders
    ]
    for ours, theirs in zip(*weights, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


def test_a_full_disk_leaves_the_checkpoint_before(job, other, monkeypatch):
    fit(job, network(), job.settings.train, "dense")
    checkpoint = other.path("dense_checkpoint.keras")
    kept = []

    def fill():
        kept.append(checkpoint.read_bytes())

        def full(model, path, *args, **kwargs):
            path.write_bytes(kept[0][:100])
            raise OSError(errno.ENOSPC, "No space left on device")

        patched.setattr(keras.Model, "save", full)

    with monkeypatch.context() as patched:
        patched.setattr(StepCheckpoints, "on_train_batch_end", at_step(5, fill))
        with pytest.raises(OSError, match="The disk is full.*dense_checkpoint.keras"):
            fit(other, network(), other.settings.train, "dense")
    assert checkpoint.read_bytes() == kept[0]
    assert sorted(p.name for p in other.folder.iterdir() if p.name.startswith(".")) == []
    fit(other, network(), other.settings.train, "dense")
    for ours, theirs in zip(weights_of(job), weights_of(other), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_weights_that_are_no_numbers_are_not_kept(other, monkeypatch):
    checkpoint = other.path("dense_checkpoint.keras")
    kept = []

    def ruin(self, batch, logs=None):
        if batch == 1 and kept:
            weight = self.model.trainable_variables[0]
            weight.assign(np.full(weight.shape, np.nan))
        written(self, batch, logs)
        if checkpoint.is_file():
            kept.append(checkpoint.read_bytes())

    written = StepCheckpoints.on_train_batch_end
    monkeypatch.setattr(StepCheckpoints, "on_train_batch_end", ruin)
    with pytest.raises(FloatingPointError, match="holds the last good weights"):
        fit(other, network(), other.settings.train, "dense")
    assert checkpoint.read_bytes() == kept[-1]


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
