import json
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]


def run(*flags):
    command = [sys.executable, "-m", "tasks.cifar_vgg16", *flags]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_bad_input_ends_the_process_with_a_sentence(tmp_path):
    result = run("--energy=1.5", f"--output_dir={tmp_path / 'out'}")
    assert result.returncode == 1
    assert "error: Argument `energy` must be in (0, 1]" in result.stderr
    assert "Traceback" not in result.stderr and not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.tensorflow
def test_quickstart_keeps_its_promise(tmp_path):
    flags = "--flagfile=tasks/flagfiles/quickstart.flags"
    result = run(flags, f"--output_dir={tmp_path / 'out'}")
    assert result.returncode == 0, result.stderr
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["finetuned"]["macs"] <= 0.3 * report["dense"]["macs"]
    assert report["finetuned"]["accuracy"] >= 0.97
    assert abs(report["tflite"]["accuracy"] - report["finetuned"]["accuracy"]) <= 0.003
    assert abs(report["int8"]["accuracy"] - report["finetuned"]["accuracy"]) <= 0.005
    assert report["int8"]["bytes"] < 0.4 * report["finetuned"]["bytes"]
    assert "fine-tuned" in result.stdout
