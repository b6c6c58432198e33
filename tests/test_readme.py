import pathlib
import re

import numpy as np
import pytest

README = pathlib.Path(__file__).resolve().parent.parent / "README.md"


def blocks(language):
    return re.findall(
        rf"^```{language}\n(.*?)^```", README.read_text(encoding="utf-8"), re.M | re.S
    )


@pytest.mark.tensorflow
def test_example_runs(tmp_path, monkeypatch):
    import ccm_tf
    from ccm_tf.litert import run_tflite

    monkeypatch.chdir(tmp_path)
    (code,) = blocks("python")
    assert len([line for line in code.splitlines() if line.strip()]) <= 18
    names = {}
    exec(compile(code, "README.md", "exec"), names)
    slim, dense = ccm_tf.profile(names["slim"]), ccm_tf.profile(names["model"])
    assert slim.macs <= 0.3 * dense.macs
    history = names["slim"].history.history
    assert history["val_accuracy"][-1] > 0.7
    images, labels = names["x"][1500:], names["y"][1500:]
    accuracy = np.mean(run_tflite(tmp_path / "slim.tflite", images).argmax(-1) == labels)
    assert accuracy == pytest.approx(history["val_accuracy"][-1], abs=0.004)


def test_first_commands_are_the_quick_start_and_the_tests():
    commands = [line.split("#")[0].strip() for line in blocks("sh")[0].splitlines()]
    assert commands == ["make quickstart", "make test"]
