import pathlib

import pytest
from absl import flags as absl_flags

import tasks
from tasks import pipeline
from tasks.imagenet import settings
from tasks.imagenet.stages import STAGES
from tasks.job import Job

FLAGFILES = pathlib.Path(tasks.__file__).parent / "flagfiles"


def read(name, *arguments):
    values = absl_flags.FlagValues()
    settings.define(values)
    values(["program", f"--flagfile={FLAGFILES / name}", *arguments])
    return settings.read(values)


def test_the_papers_recipe():
    found = read("resnet50_ccm_paper.flags")
    train = found.train
    assert (found.network, found.dataset, found.size) == ("resnet50", "imagenet2012", 224)
    assert (train.epochs, train.batch_size, train.learning_rate) == (180, 256, 0.01)
    assert (train.schedule, train.warmup_epochs, train.l2) == ("warmup_cosine", 5, 5e-5)
    assert found.smoothing == 0.1


@pytest.mark.parametrize(
    "flag,message",
    [
        ("--dataset=digits", "--dataset must be one of image_folder, imagenet2012, tfrecords"),
        ("--data_dir=", "--data_dir must be the folder"),
        ("--image_size=16", "--image_size must be at least 32"),
        ("--momentum=1", "--momentum must be"),
        ("--label_smoothing=1", "--label_smoothing must be"),
    ],
)
def test_bad_flags(flag, message):
    with pytest.raises(ValueError, match=message):
        read("resnet50_smoke.flags", "--data_dir=somewhere", flag)


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.tensorflow
def test_the_smoke_run(pictures, tmp_path, capsys):
    found = read(
        "resnet50_smoke.flags", f"--data_dir={pictures}", f"--output_dir={tmp_path / 'out'}"
    )
    pipeline.run(found, stages=STAGES)
    report = Job(found).read_json("report.json")
    assert report["finetuned"]["macs"] <= 0.7 * report["dense"]["macs"]
    assert 0 <= report["finetuned"]["accuracy"] <= 1
    pipeline.run(found, stages=STAGES)
    assert capsys.readouterr().out.count("done already") == len(STAGES)
