import json
import os
import time

import keras
import numpy as np
import pytest
from absl import flags as absl_flags

import ccm_tf
from tasks import compress, pipeline
from tasks.compression import flags
from tasks.compression.job import CompressionJob
from tests.distribute import processes
from tests.tasks import programs
from tests.tasks.compression.conftest import colours, read, unet
from tests.tasks.compression.conftest import saved as saved
from tests.tasks.compression.conftest import shapes as shapes


@pytest.fixture
def arguments(saved, images, tmp_path):
    """Flags of a run without fine-tuning on the coloured images."""
    return [
        f"--model={saved(colours())}",
        f"--data_dir={images}",
        f"--output_dir={tmp_path / 'out'}",
        "--macs=0.4",
    ]


@pytest.mark.tensorflow
def test_from_a_file_to_a_report(arguments, capsys):
    settings = read(*arguments, "--finetune_epochs=1", "--batch_size=16")
    compress.compress(settings)
    job = CompressionJob(settings)
    report = job.read_json("report.json")
    assert report["pruned"]["macs"] <= 0.4 * report["dense"]["macs"]
    # Every channel has a twin, so folding loses nothing.
    assert report["dense"]["accuracy"] == report["sliced"]["accuracy"] == 1.0
    assert report["tflite"]["accuracy"] >= 0.9
    slim = keras.saving.load_model(job.path("finetuned.keras"))
    assert slim.get_layer("classes").activation is keras.activations.softmax
    page = job.path("report.html").read_text()
    for expected in ("net.keras, pruned", "Fine-tuned for 1 epoch; channels chosen by pca"):
        assert expected in page, expected
    assert "CCM-loss" not in page
    capsys.readouterr()
    compress.compress(settings)
    assert capsys.readouterr().out.count("done already") == 6


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.tensorflow
def test_two_workers_compress_as_one_does(arguments, tmp_path):
    flags = ["--finetune_epochs=1", "--batch_size=12", "--teacher=dense", "--learning_rate=0.001"]
    command = ["-m", "tasks.compress", *arguments, *flags, "--skip=export,report"]
    several = [*command, "--strategy=multi_worker"]
    alone = [*command, f"--output_dir={tmp_path / 'alone'}"]
    processes.run([alone, several, several], [processes.alone(), *processes.environments(2)])
    programs.same_weights(tmp_path / "alone" / "finetuned.keras", tmp_path / "out/finetuned.keras")


@pytest.mark.tensorflow
def test_a_plan_is_looked_at_edited_and_applied(arguments, capsys, tmp_path):
    settings = read(*arguments)
    compress.compress(settings, dry_run=True)
    out = tmp_path / "out"
    said = capsys.readouterr().out
    assert "stays: 'classes' ends in the activation 'softmax'" in said
    assert "Nothing was cut." in said and f"edit '{out / 'plan.json'}' first" in said
    assert not (out / "pruned.keras").exists()
    plan = json.loads((out / "plan.json").read_text())
    plan["kept"]["conv1"] = [0, 1, 2, 4]
    (out / "plan.json").write_text(json.dumps(plan))
    compress.compress(settings, skip=["export"])
    slim = keras.saving.load_model(out / "pruned.keras")
    assert slim.get_layer("conv1").filters == 4
    report = json.loads((out / "report.json").read_text())
    assert next(r for r in report["layers"] if r["layers"] == ["conv1"])["kept"] == 4
    # The same plan as a file of its own, in another folder.
    given = read(*arguments[:2], f"--output_dir={tmp_path / 'b'}", f"--plan={out / 'plan.json'}")
    compress.compress(given, dry_run=True)
    assert json.loads((tmp_path / "b" / "plan.json").read_text())["kept"] == plan["kept"]


@pytest.mark.tensorflow
def test_a_newer_model_is_taken_over_anew(arguments, tmp_path, capsys):
    settings = read(*arguments)
    compress.compress(settings, dry_run=True)
    path = tmp_path / "net.keras"
    os.utime(path, ns=(time.time_ns() + 10**9,) * 2)
    capsys.readouterr()
    compress.compress(settings, dry_run=True)
    assert "[1/2] take: take the model over" in capsys.readouterr().out


@pytest.mark.tensorflow
def test_a_unet(shapes, saved, tmp_path):
    settings = read(
        f"--model={saved(unet())}", f"--data_dir={shapes}", "--image_size=16", "--macs=0.5",
        f"--output_dir={tmp_path / 'out'}", "--criterion=taylor",
    )  # fmt: skip
    compress.compress(settings, skip=["export"])
    job = CompressionJob(settings)
    dense, slim = (keras.saving.load_model(job.path(f"{n}.keras")) for n in ("dense", "pruned"))
    assert slim.get_layer("classes").filters == 2
    left = [slim.get_layer(name).filters for name in ("down", "rise", "up", "bottom")]
    assert sum(left) < 24 and ccm_tf.profile(slim).macs <= 0.5 * ccm_tf.profile(dense).macs
    # What is concatenated is both paths' channels that stayed.
    assert slim.get_layer("skip").output.shape[-1] == left[0] + left[1]
    report = job.read_json("report.json")
    assert 0 <= report["pruned"]["accuracy"] <= 1


@pytest.mark.tensorflow
def test_without_labels(arguments, images, tmp_path, capsys):
    arguments[1] = f"--data_dir={images / 'train' / 'red'}"
    compress.compress(read(*arguments), skip=["export"])
    said = capsys.readouterr().out
    assert "accuracy" not in said.split("[4/4]")[1] and "latency" in said
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["dense"]["accuracy"] is None and report["how"].keys() == {"bytes", "latency_ms"}
    assert "accuracy" not in (tmp_path / "out" / "report.html").read_text()


@pytest.mark.tensorflow
@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("criterion", ["pca", "magnitude"])
def test_mobilenet(criterion, saved, images, tmp_path):
    model = keras.applications.MobileNetV2(
        input_shape=(32, 32, 3), alpha=0.35, weights=None, classes=3
    )
    if criterion == "pca":
        with pytest.raises(ValueError, match="1280 channels of group 'Conv_1' need at least 1280"):
            settings = read(
                f"--model={saved(model)}", f"--data_dir={images}", "--macs=0.5",
                f"--output_dir={tmp_path / 'no'}",
            )  # fmt: skip
            compress.compress(settings)
        return
    settings = read(
        f"--model={saved(model)}", f"--data_dir={images}", "--macs=0.5",
        f"--output_dir={tmp_path / 'out'}", f"--criterion={criterion}", "--round_to=4",
    )  # fmt: skip
    compress.compress(settings)
    report = CompressionJob(settings).read_json("report.json")
    assert report["pruned"]["macs"] <= 0.5 * report["dense"]["macs"]
    assert report["tflite"]["bytes"] < report["dense"]["bytes"]
    slim = keras.saving.load_model(tmp_path / "out" / "pruned.keras")
    assert slim.predict(np.zeros((1, 32, 32, 3), "float32"), verbose=0).shape == (1, 3)


def test_bad_input_is_one_sentence(arguments, monkeypatch, capsys, tmp_path):
    values = absl_flags.FlagValues()
    flags.define(values)
    values(["program", *arguments, "--model=nowhere.keras"])
    monkeypatch.setattr(pipeline.flags, "FLAGS", values)
    assert pipeline.guarded(compress.main)(["program"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: There is no model 'nowhere.keras'") and said.count("\n") == 1
    assert not (tmp_path / "out").exists()
