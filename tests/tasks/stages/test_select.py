import keras
import numpy as np
import pytest

import ccm_tf
from tasks import progress
from tasks.stages.select import statistics_images


@pytest.mark.tensorflow
def test_describes_every_layer_once(finished):
    rows = finished.read_json("report.json")["layers"]
    plan = ccm_tf.PruningPlan.load(finished.path("plan.json"))
    assert sorted(layer for row in rows for layer in row["layers"]) == sorted(plan.kept)
    for row in rows:
        assert all(len(plan.kept[layer]) == row["kept"] for layer in row["layers"])
        assert row["frozen"] <= row["kept"] <= row["width"]
        assert bool(row["frozen"]) == bool(row["reasons"])
    first, *_, logits = rows
    # The stem and the outputs of the first stage's blocks are added to each other.
    assert first["layers"] == ["conv1", "stage1_block1_conv2"]
    assert (logits["layers"], logits["frozen"], logits["kept"]) == (["logits"], 3, 3)


@pytest.mark.tensorflow
def test_spectra_are_sorted_and_cut(finished):
    groups = finished.read_json("report.json")["groups"]
    assert len(groups) >= 4
    for group in groups:
        assert len(group["scores"]) == group["width"] >= group["kept"] >= 1
        assert np.all(np.diff(group["scores"]) <= 0)


@pytest.mark.tensorflow
def test_statistics_come_from_training_images_without_augmentation(finished):
    first, again = (statistics_images(finished) for _ in range(2))
    np.testing.assert_array_equal(first[0][0], again[0][0])
    train = {image.tobytes() for image in finished.dataset.train.images}
    assert {image.tobytes() for image in first.images} <= train


@pytest.mark.tensorflow
@pytest.mark.parametrize("criterion", ["taylor", "fisher"])
def test_criteria_that_need_labels_get_them(finished, criterion):
    model = keras.saving.load_model(finished.path("dense.keras"))
    images = progress.watched(statistics_images(finished), "looking")
    assert ccm_tf.plan(model, criterion, images, channels=0.5).criterion["name"] == criterion
