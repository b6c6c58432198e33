import keras
import numpy as np
import pytest

from ccm_tf.distribute import TensorFlowStrategy, registry
from tasks.callbacks import Recorder
from tasks.compression.finetune import FINETUNE
from tests.tasks.compression.conftest import colours


def tuned(job, tmp_path, name, *flags, monkeypatch=None):
    """Weights after fine-tuning; with a monkeypatch, of a run that is killed and resumed."""
    made = job(
        "--finetune_epochs=2",
        "--batch_size=16",
        "--learning_rate=0.01",
        f"--output_dir={tmp_path / name}",
        *flags,
    )
    made.folder.mkdir()
    for file, sharpness in (("dense", 0.2), ("pruned", 0.02)):
        model = colours()
        kernel, bias = model.get_layer("classes").get_weights()
        model.get_layer("classes").set_weights([sharpness * kernel, bias])
        model.save(made.path(f"{file}.keras"))
    if monkeypatch is not None:
        write = Recorder.on_epoch_end

        def interrupt(self, epoch, logs=None):
            if epoch == 1:
                raise KeyboardInterrupt
            write(self, epoch, logs)

        monkeypatch.setattr(Recorder, "on_epoch_end", interrupt)
        with pytest.raises(KeyboardInterrupt):
            FINETUNE.run(made)
        monkeypatch.setattr(Recorder, "on_epoch_end", write)
    FINETUNE.run(made)
    model = keras.saving.load_model(made.path("finetuned.keras"))
    assert [layer.name for layer in model.layers] == [layer.name for layer in colours().layers]
    return model.get_weights()


@pytest.mark.slow
@pytest.mark.tensorflow
def test_two_replicas_with_a_teacher_are_one_device(job, tmp_path, two_replicas, monkeypatch):
    alone = tuned(job, tmp_path, "alone", "--teacher=dense")
    monkeypatch.setattr(registry, "_RUNNING", [TensorFlowStrategy(two_replicas)])
    several = tuned(job, tmp_path, "several", "--teacher=dense")
    for ours, theirs in zip(alone, several, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.tensorflow
def test_killed_and_resumed_with_a_teacher_is_the_same_run(job, tmp_path, monkeypatch, capsys):
    whole = tuned(job, tmp_path, "whole", "--teacher=dense")
    resumed = tuned(job, tmp_path, "resumed", "--teacher=dense", monkeypatch=monkeypatch)
    assert "Going on after epoch 1 of 2." in capsys.readouterr().out
    for ours, theirs in zip(whole, resumed, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
    # The teacher's part of the loss has an influence.
    alone = tuned(job, tmp_path, "alone")
    assert any(not np.allclose(a, b, atol=1e-4) for a, b in zip(whole, alone, strict=True))
