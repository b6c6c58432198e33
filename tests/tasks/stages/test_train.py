import keras
import numpy as np
import pytest

from tasks.job import Job
from tasks.models import resnet
from tasks.stages.train import TRAIN


def test_a_trained_model_can_be_taken_over(make_settings, tmp_path):
    model = resnet(8, 3, width=0.25)
    model.save(tmp_path / "mine.keras")
    job = Job(make_settings(f"--dense_model={tmp_path / 'mine.keras'}"))
    job.folder.mkdir()
    TRAIN.run(job)
    taken = keras.saving.load_model(job.path("dense.keras"))
    for ours, theirs in zip(model.get_weights(), taken.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_model_for_other_images_is_refused(make_settings, tmp_path):
    resnet(8, 10, width=0.25).save(tmp_path / "mine.keras")
    job = Job(make_settings(f"--dense_model={tmp_path / 'mine.keras'}"))
    with pytest.raises(ValueError, match=r"10 classes apart; the data set has \(32, 32, 3\) and 3"):
        TRAIN.run(job)


@pytest.mark.tensorflow
def test_training_makes_a_network_of_the_right_size(finished):
    model = keras.saving.load_model(finished.path("dense.keras"))
    assert model.count_params() == resnet(8, 3, width=0.25).count_params()
