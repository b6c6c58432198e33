import json

import numpy as np
import pytest

import ccm_tf
from tasks.compression.job import CompressionJob
from tests.tasks.compression.conftest import colours, unet


def test_looks_at_model_and_images_before_any_work(job, capsys, tmp_path):
    made = job("--finetune_epochs=1", "--validation_split=0.25")
    said = capsys.readouterr().out
    assert "returns softmax of 3 classes" in said
    assert "Images: 36 + 12 held back for training, 24 for testing" in said
    assert "Scale: unit (0 … 1); the dense model is right on 100.0% of some training" in said
    assert made.dataset.image_shape == (32, 32, 3) and made.dataset.classes[0] == "blue"
    assert not (tmp_path / "out").exists()


def test_a_scale_at_odds_with_the_model(job, capsys):
    # With these biases a colour has to exceed one half to show.
    model = colours()
    model.get_layer("conv2").set_weights(
        [4 * model.get_layer("conv2").get_weights()[0], np.full(6, -1.5)]
    )
    job("--mean=0.9,0.9,0.9", "--std=1,1,1", model=model)
    job("--scale=symmetric", model=model)
    said = capsys.readouterr().out
    assert "Scale: symmetric" in said and "with unit " in said


def test_a_model_that_knows_nothing(job, capsys):
    model = colours()
    model.get_layer("classes").set_weights([np.zeros((6, 3)), np.array([0.0, 0.0, 1.0])])
    job(model=model)
    assert "no better than guessing, whatever the scale" in capsys.readouterr().out


def test_classes_in_another_order(make):
    model = colours()
    kernel, bias = model.get_layer("classes").get_weights()
    model.get_layer("classes").set_weights([kernel[:, [1, 2, 0]], bias])
    with pytest.raises(ValueError, match="numbered otherwise.* outputs 2, 0, 1. Pass .*--classes"):
        CompressionJob(make(model=model)).prepare()
    CompressionJob(make("--classes=green,red,blue", model=model)).prepare()


def test_images_without_labels(job, images, capsys):
    made = job("--criterion=magnitude", data=images / "train" / "red")
    assert not made.dataset.labelled and len(made.dataset.train) == 16
    said = capsys.readouterr().out
    assert "16 without labels, so no accuracy is measured" in said
    assert "Scale: unit (0 … 1), since there are no labels to try others" in said


def test_masks(job, shapes, capsys):
    made = job("--image_size=16", model=unet(), data=shapes)
    assert made.dataset.train.labels.shape == (6, 16, 16) and len(made.dataset.test) == 2
    assert made.dataset.preprocessing.std == (1 / 255,) * 3
    assert "Scale: pixels" in capsys.readouterr().out


def test_criteria_get_as_many_images_as_they_need(job):
    assert job().settings.selection.batches * job().settings.selection.batch_size == 640
    few = job("--statistics_images=20").settings.selection
    assert few.batches * few.batch_size >= 20 and few.batches == 1


@pytest.mark.parametrize(
    ("flags", "options", "message"),
    [
        (["--labels=none", "--finetune_epochs=1"], {}, "--finetune_epochs=1 needs labels, and '"),
        (["--labels=none", "--criterion=taylor"], {}, "--criterion=taylor needs labels"),
        (["--mean=0.5", "--std=0.5"], {}, "takes 3 channel.s., so --mean and --std need as many"),
        (
            ["--finetune_epochs=1"],
            {"model": colours(activation="sigmoid")},
            "answers with a sigmoid for each of its classes.*Leave it out, and fine-tune 'pruned",
        ),
        (["--classes=red,green"], {}, "--classes must name every class folder once"),
        ([], {"model": colours(units=2)}, "tells 2 classes apart, and the folder holds 3: blue"),
        (["--image_size=16"], {"model": unet()}, "returns a class for every pixel .*class folders"),
    ],
)
def test_what_does_not_fit(make, flags, options, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        CompressionJob(make(*flags, **options)).prepare()
    assert not (tmp_path / "out").exists()


def test_masks_that_do_not_fit(make, shapes):
    with pytest.raises(ValueError, match="--flip and --pad move images but not their masks"):
        CompressionJob(make("--image_size=16", "--flip", model=unet(), data=shapes)).prepare()
    with pytest.raises(
        ValueError, match="returns one class for each image.*the folder holds masks"
    ):
        CompressionJob(make(data=shapes)).prepare()


def test_too_few_images_for_pca(make, images):
    model = colours(size=1)
    with pytest.raises(
        ValueError, match="need at least 6 samples.*which 6 images have.*: 4 images"
    ):
        CompressionJob(
            make("--max_images=4", "--scale=unit", model=model, data=images / "train" / "red")
        ).prepare()


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        ({"conv9": [0]}, "names layer 'conv9', which makes no channels"),
        ({"conv1": []}, "leaves layer 'conv1' without channels"),
        ({"classes": [0]}, "channels of layer 'classes' that must stay"),
    ],
)
def test_edited_plans_that_do_not_fit(make, tmp_path, edit, message):
    path = tmp_path / "plan.json"
    ccm_tf.PruningPlan.from_kept(colours(), {}).save(path)
    value = json.loads(path.read_text())
    value["kept"] |= edit
    path.write_text(json.dumps(value))
    with pytest.raises(ValueError, match=message):
        CompressionJob(make(f"--plan={path}", plan=True)).prepare()


def test_a_plan_for_another_model(make, tmp_path):
    ccm_tf.PruningPlan.from_kept(unet(), {}).save(tmp_path / "plan.json")
    with pytest.raises(ValueError, match="made for another model .*Make a plan for this model"):
        CompressionJob(make(f"--plan={tmp_path / 'plan.json'}", plan=True)).prepare()
