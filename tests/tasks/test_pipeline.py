import os
import signal

import numpy as np
import pytest
from absl import flags as absl_flags

from tasks import flags, pipeline
from tasks.stages import STAGES

NAMES = ["train", "select", "rewrite", "finetune", "export", "report"]


def chosen(only=(), skip=()):
    return [stage.name for stage in pipeline.chosen(only, skip)]


def test_stages_in_their_own_order():
    assert chosen() == NAMES == [stage.name for stage in STAGES]
    assert chosen(["report", "train"]) == ["train", "report"]
    assert chosen(skip=["export", "train"]) == ["select", "rewrite", "finetune", "report"]


@pytest.mark.parametrize(
    "only,skip,message",
    [
        (["prune"], [], "--stages takes .* train, select, .*Received: 'prune'"),
        ([], ["fit"], "--skip takes"),
        (["train"], ["train"], "No stage is left"),
    ],
)
def test_unknown_stages(only, skip, message):
    with pytest.raises(ValueError, match=message):
        pipeline.chosen(only, skip)


def test_every_needed_file_is_made_by_an_earlier_stage():
    made = set()
    for stage in STAGES:
        assert set(stage.needs) <= made
        made |= set(stage.makes)


def test_a_stage_without_its_input_is_refused_before_work(make_settings, tmp_path):
    with pytest.raises(
        ValueError, match="Stage 'select' needs '.*dense.keras', which stage 'train'"
    ):
        pipeline.run(make_settings(), skip=["train"])
    assert not (tmp_path / "out").exists()


def test_bad_data_leaves_nothing_behind(make_settings, tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist. Expected DIR/train"):
        pipeline.run(make_settings(f"--data_dir={tmp_path / 'nowhere'}"))
    assert not (tmp_path / "out").exists()


@pytest.mark.tensorflow
def test_a_finished_run_has_everything(finished):
    for stage in STAGES:
        assert finished.has(*stage.makes), stage.name
    assert not [p.name for p in finished.folder.iterdir() if p.name.endswith("checkpoint.keras")]
    assert list((finished.folder / "tensorboard" / "dense").rglob("events.out.tfevents*"))


@pytest.mark.tensorflow
def test_a_finished_run_is_not_run_again(finished, capsys):
    before = {p.name: p.stat().st_mtime_ns for p in finished.folder.iterdir() if p.is_file()}
    pipeline.run(finished.settings)
    said = capsys.readouterr().out
    assert said.count("done already") == len(NAMES)
    assert "fine-tuned" in said and f"Report: {finished.path('report.html')}" in said
    after = {p.name: p.stat().st_mtime_ns for p in finished.folder.iterdir() if p.is_file()}
    del before[".lock"], after[".lock"]
    assert before == after


@pytest.mark.tensorflow
def test_the_report_tells_the_truth(finished):
    import keras

    import ccm_tf

    report = finished.read_json("report.json")
    for name in ("dense", "pruned", "finetuned", "tflite"):
        assert {"accuracy", "params", "macs", "bytes", "latency_ms"} <= set(report[name])
        assert report[name]["latency_ms"] > 0
    for name in ("dense", "finetuned"):
        model = keras.saving.load_model(finished.path(f"{name}.keras"))
        x, y = finished.dataset.batches("test", 100)[0]
        right = np.mean(np.argmax(model.predict(x, verbose=0), axis=-1) == y)
        assert report[name]["accuracy"] == pytest.approx(right)
        assert report[name]["macs"] == ccm_tf.profile(model).macs
        assert report[name]["params"] == model.count_params()
        assert report[name]["bytes"] == os.path.getsize(finished.path(f"{name}.tflite"))
    assert report["finetuned"]["macs"] <= 0.6 * report["dense"]["macs"]
    assert report["tflite"]["accuracy"] == pytest.approx(report["finetuned"]["accuracy"], abs=0.05)
    assert report["dense"]["bytes"] > report["finetuned"]["bytes"] == report["tflite"]["bytes"]


@pytest.fixture
def program(arguments, monkeypatch):
    """Runs the program with further flags; returns its exit code."""

    def run(*further, network="resnet8"):
        values = absl_flags.FlagValues()
        flags.define(values)
        values(["program", *arguments, *further])
        monkeypatch.setattr(pipeline.flags, "FLAGS", values)
        return pipeline.program(lambda: network)(["program"])

    return run


@pytest.mark.parametrize(
    "flag,message",
    [
        ("--macs=0", "error: Argument `macs` must be a fraction"),
        ("--criterion=best", "error: Unknown criterion"),
        ("--data_dir=/nowhere", "error: '/nowhere' does not exist"),
        ("--stages=everything", "error: --stages takes a comma-separated list"),
    ],
)
def test_bad_input_is_one_sentence(program, capsys, flag, message, tmp_path):
    assert program(flag) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith(message) and captured.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_debug_shows_the_traceback(program, capsys):
    assert program("--macs=0", "--debug") == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_network_that_does_not_exist(program, capsys):
    assert program(network="resnet9") == 1
    assert "must be 6n + 2" in capsys.readouterr().err


def test_an_error_of_the_system_names_the_file(program, capsys, tmp_path):
    (tmp_path / "out").write_text("")
    assert program() == 1
    assert capsys.readouterr().err.strip().endswith(f"take another: '{tmp_path / 'out'}'")


def test_interrupted_by_hand(program, capsys, monkeypatch):
    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "run", interrupt)
    assert program() == 130
    assert "goes on from the last checkpoint" in capsys.readouterr().err


def test_sigterm_is_a_sentence_and_a_status(capsys, monkeypatch):
    def action(values):
        signal.raise_signal(signal.SIGTERM)

    values = absl_flags.FlagValues()
    flags.define(values)
    values(["program"])
    monkeypatch.setattr(pipeline.flags, "FLAGS", values)
    assert pipeline.guarded(action)(["program"]) == 143
    assert "Ended by SIGTERM. The same command goes on" in capsys.readouterr().err
